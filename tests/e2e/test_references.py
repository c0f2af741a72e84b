"""All six ways to name a model lead to the same bytes."""

import pytest
from support.cluster.live import Place, forward_mlflow
from support.stack.installed import store_location, store_secret

from examples.demo.kubectl import Kubectl
from examples.demo.registry import call, move_alias

MODEL = "e2e-iris"


@pytest.fixture(scope="module")
def named(kubectl: Kubectl, models) -> dict[str, str]:
    """The six references to one version."""
    plain = models["plain"]
    with forward_mlflow(kubectl) as url:
        move_alias(url, MODEL, "six", plain["version"])
        stage = {"name": MODEL, "version": str(plain["version"]), "stage": "Production"}
        call(url, "POST", "/model-versions/transition-stage", stage)
    return {
        "version": f"models:/{MODEL}/{plain['version']}",
        "alias": f"models:/{MODEL}@six",
        "stage": f"models:/{MODEL}/Production",
        "logged model": f"models:/{plain['model_id']}",
        "run": f"runs:/{plain['run_id']}/{MODEL}",
        "store": store_location(kubectl, plain),
    }


@pytest.mark.parametrize("form", ["version", "alias", "stage", "logged model", "run", "store"])
def test_the_reference_resolves_and_its_model_answers(form: str, named, place: Place, kubectl, models):
    model = {"uri": named[form]}
    if form == "store":
        store_secret(kubectl, place.namespace)
        model["storeSecretName"] = "store"
    place.deploy("six", model["uri"], model=model)
    found = place.wait_ready("six")

    assert place.ask("six").predictions == [0, 1, 2]
    serving = found["status"]["model"]["serving"]
    assert serving["location"].endswith(f"{models['plain']['model_id']}/artifacts")
    if form != "store":
        assert serving["runId"] == models["plain"]["run_id"]


def test_two_references_to_one_model_have_one_digest(named, place: Place):
    place.deploy("by-version", named["version"], replicas=0)
    place.deploy("by-run", named["run"], replicas=0)
    digests = {
        place.wait_condition(name, "ModelResolved", "True")["message"].rsplit(" ", 1)[1]
        for name in ("by-version", "by-run")
    }
    assert len(digests) == 1
    assert digests.pop().startswith("sha256:")
