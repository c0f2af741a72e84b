"""What goes wrong is said, with its cure, while the old version keeps serving."""

from collections.abc import Iterator

import pytest
from support.cluster.live import Place
from support.stack.installed import delete_artifact, store_location, store_secret

from devcluster.commands import CommandFailed
from examples.demo.kubectl import Kubectl
from examples.demo.serving import condition


@pytest.fixture(scope="module")
def good(models) -> str:
    return f"models:/e2e-iris/{models['plain']['version']}"


@pytest.fixture(scope="module")
def deployed(shared_place: Place, good: str) -> set[str]:
    """Serves the good version before any of these tests; the names of its pods."""
    shared_place.deploy("old", good)
    shared_place.wait_ready("old")
    return shared_place.pod_names("old")


@pytest.fixture
def old(shared_place: Place, deployed: set[str], good: str) -> Iterator[Place]:
    """The deployment `old`, which must still serve in the end, by the pods it had, and recover."""
    yield shared_place
    found = shared_place.deployment("old")
    assert condition(found, "Available")["status"] == "True"
    assert shared_place.ask("old").predictions == [0, 1, 2]
    assert deployed <= shared_place.pod_names("old")
    shared_place.patch("old", model={"uri": good, "storeSecretName": None})
    shared_place.wait_ready("old")


def refusal(place: Place, containing: str) -> str:
    """The reason and message of Ready=False, which must say that the old version serves."""
    ready = place.wait_condition("old", "Ready", "False", containing)
    assert "keeps serving" in ready["message"]
    return f"{ready['reason']}: {ready['message']}"


def test_kubernetes_rejects_an_invalid_reference_with_the_valid_forms(old: Place):
    with pytest.raises(CommandFailed) as refused:
        old.patch("old", model={"uri": "models:e2e-iris@champion"})
    assert "spec.model.uri" in refused.value.output
    assert "models:/NAME@ALIAS" in refused.value.output


def test_a_missing_version_names_the_cure(old: Place):
    old.patch("old", model={"uri": "models:/e2e-iris/999"})
    said = refusal(old, "999")
    assert "e2e-iris" in said
    assert "regist" in said


def test_a_missing_alias_names_the_cure(old: Place):
    old.patch("old", model={"uri": "models:/e2e-iris@nobody"})
    assert "alias" in refusal(old, "nobody")


def test_a_missing_model_names_the_cure(old: Place):
    old.patch("old", model={"uri": "models:/e2e-nothing/1"})
    assert "e2e-nothing" in refusal(old, "e2e-nothing")


def test_a_missing_secret_is_named(old: Place, models, kubectl: Kubectl):
    uri = store_location(kubectl, models["plain"])
    old.patch("old", model={"uri": uri, "storeSecretName": "nowhere"})
    assert "spec.model.storeSecretName" in refusal(old, "nowhere")


def test_wrong_credentials_are_reported_with_the_secrets_name_only(old: Place, models, kubectl: Kubectl):
    store_secret(kubectl, old.namespace, AWS_SECRET_ACCESS_KEY="a-wrong-key-of-some-length")
    uri = store_location(kubectl, models["plain"])
    old.patch("old", model={"uri": uri, "storeSecretName": "store"})
    said = refusal(old, "StoreDenied")
    assert "check the keys" in said
    assert f"Secret {old.namespace}/store, which spec.model.storeSecretName names" in said
    assert "a-wrong-key-of-some-length" not in old.run("describe", "modeldeployment", "old")


def test_a_model_that_does_not_load_is_rejected_with_the_reason(old: Place, models):
    old.patch("old", model={"uri": f"models:/e2e-unloadable/{models['unloadable']['version']}"})
    said = refusal(old, "gone_with_the_wind")
    assert "load failed" in said
    assert condition(old.deployment("old"), "Stalled")["status"] == "True"


def test_a_model_beyond_its_memory_limit_is_reported_with_the_limit(old: Place):
    old.patch("old", resources={"limits": {"memory": "100Mi"}, "requests": {"memory": "100Mi"}})
    said = refusal(old, "its limit of 100Mi")
    assert "OutOfMemory" in said
    assert "raise spec.resources.limits.memory" in said
    old.patch("old", resources=None)


def test_a_deleted_artifact_file_is_noticed_before_it_serves(shared_place: Place, models, mlflow: str):
    place = shared_place
    place.deploy("holey", f"models:/e2e-holey/{models['holey']['version']}")
    place.wait_ready("holey")
    delete_artifact(mlflow, models["holey"], "model.skops")
    place.patch("holey", replicas=2)
    ready = place.wait_condition("holey", "Ready", "False", "digest")
    assert "keeps serving" in ready["message"]
    assert place.ask("holey").predictions == [0, 1, 2]
    place.run("delete", "modeldeployment", "holey")
