"""A kind of store that the operator has never seen works by its row: nothing else of the operator knows it."""

import pytest
from davit_environment.manifest import RuntimeManifest
from davit_operator.adapters.stores import ModelStores
from davit_registry.stores import table
from support.fakes.model_store import FAKE, FILES
from support.fakes.operator_harness import CHAMPION, OperatorHarness
from support.fakes.store_server import running_store_server

LOCATION = "fake://models/iris"
KEY_MISSING = "spec.model.storeSecretName names Secret demo/store, which lacks keys; give it account-key"


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> OperatorHarness:
    """An operator with the real adapter of stores, and a model in a store of another kind."""
    monkeypatch.setattr(table, "STORES", (*table.STORES, FAKE))
    harness = OperatorHarness()
    harness.store = ModelStores()
    harness.restart_operator()
    harness.registry.names(CHAMPION, "1", location=LOCATION)
    harness.cluster.secrets["demo", "store"] = {"account-key": "right"}
    harness.cluster.create("iris", {"model": {"uri": CHAMPION, "storeSecretName": "store"}})
    return harness


def fetch_environment(harness: OperatorHarness) -> dict[str, object]:
    [deployment] = [obj for obj in harness.cluster.children.values() if obj["kind"] == "Deployment"]
    [fetch] = deployment["spec"]["template"]["spec"]["initContainers"]
    return {one["name"]: one.get("value") or one["valueFrom"]["secretKeyRef"] for one in fetch["env"]}


async def test_its_files_are_listed_and_its_pods_get_the_environment_of_its_row(harness):
    await harness.reconcile()
    assert harness.target() == "iris/1"
    assert harness.status()["model"]["target"]["integrity"] == "Listing"
    env = fetch_environment(harness)
    assert env["DAVIT_FETCH_LOCATION"] == LOCATION
    assert env["FAKE_ACCOUNT_KEY"] == {"name": "store", "key": "account-key"}
    assert env["FAKE_ENDPOINT"] == {"name": "store", "key": "endpoint", "optional": True}
    assert env["FAKE_MODE"] == "read"
    assert not {name for name in env if name.startswith(("AWS_", "DAVIT_REGISTRY_"))}


async def test_a_secret_without_the_keys_of_its_row_is_named_with_the_key(harness):
    harness.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "k"}
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "SecretKeyMissing"
    assert harness.condition("Ready")["message"] == KEY_MISSING


async def test_its_refusal_names_the_secret_of_the_credentials(harness):
    harness.cluster.secrets["demo", "store"] = {"account-key": "wrong"}
    await harness.reconcile()
    ready = harness.condition("Ready")
    assert ready["reason"] == "StoreDenied"
    assert "the credentials are those of Secret demo/store" in ready["message"]


async def test_a_location_in_it_is_a_model_uri(harness):
    harness.cluster.create("direct", {"model": {"uri": LOCATION, "storeSecretName": "store"}})
    await harness.reconcile("direct")
    assert harness.status("direct")["model"]["target"]["location"] == LOCATION


async def test_its_small_files_are_read_and_compared_with_the_image(harness):
    harness.runtimes[harness.settings.server_image] = RuntimeManifest("3.11.7")
    harness.restart_operator()
    with running_store_server() as server:
        server.put("models/iris/MLmodel", FILES["MLmodel"])
        harness.cluster.secrets["demo", "store"] |= {"endpoint": server.url}
        await harness.reconcile()
    assert harness.condition("EnvironmentReady")["reason"] == "FitsImage"
    assert harness.target() == "iris/1"


async def test_a_file_that_cannot_be_read_is_named_with_its_location(harness):
    harness.runtimes[harness.settings.server_image] = RuntimeManifest("3.11.7")
    harness.restart_operator()
    with running_store_server() as server:
        harness.cluster.secrets["demo", "store"] |= {"endpoint": server.url}
        await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "FileMissing"
    assert harness.condition("Ready")["message"].startswith(f"{LOCATION}: the file MLmodel is gone")
    assert harness.cluster.children == {}
