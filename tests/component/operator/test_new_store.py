"""A kind of store that the operator has never seen works by its row: nothing else of the operator knows it."""

import pytest
from davit_operator.adapters.stores import ModelStores
from davit_registry.stores import table
from support.fake_store import FAKE
from support.world import CHAMPION, World

LOCATION = "fake://models/iris"
KEY_MISSING = "spec.model.storeSecretName names Secret demo/store, which lacks keys; give it account-key"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An operator with the real adapter of stores, and a model in a store of another kind."""
    monkeypatch.setattr(table, "STORES", (*table.STORES, FAKE))
    world = World()
    world.store = ModelStores()
    world.restart_operator()
    world.registry.names(CHAMPION, "1", location=LOCATION)
    world.cluster.secrets["demo", "store"] = {"account-key": "right"}
    world.cluster.create("iris", {"model": {"uri": CHAMPION, "storeSecretName": "store"}})
    return world


def fetch_environment(world: World) -> dict[str, object]:
    [deployment] = [obj for obj in world.cluster.children.values() if obj["kind"] == "Deployment"]
    [fetch] = deployment["spec"]["template"]["spec"]["initContainers"]
    return {one["name"]: one.get("value") or one["valueFrom"]["secretKeyRef"] for one in fetch["env"]}


async def test_its_files_are_listed_and_its_pods_get_the_environment_of_its_row(world):
    await world.reconcile()
    assert world.target() == "iris/1"
    assert world.status()["model"]["target"]["integrity"] == "Listing"
    env = fetch_environment(world)
    assert env["DAVIT_FETCH_LOCATION"] == LOCATION
    assert env["FAKE_ACCOUNT_KEY"] == {"name": "store", "key": "account-key"}
    assert env["FAKE_ENDPOINT"] == {"name": "store", "key": "endpoint", "optional": True}
    assert env["FAKE_MODE"] == "read"
    assert not {name for name in env if name.startswith(("AWS_", "DAVIT_REGISTRY_"))}


async def test_a_secret_without_the_keys_of_its_row_is_named_with_the_key(world):
    world.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "k"}
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "SecretKeyMissing"
    assert world.condition("Ready")["message"] == KEY_MISSING


async def test_its_refusal_names_the_secret_of_the_credentials(world):
    world.cluster.secrets["demo", "store"] = {"account-key": "wrong"}
    await world.reconcile()
    ready = world.condition("Ready")
    assert ready["reason"] == "StoreDenied"
    assert "the credentials are those of Secret demo/store" in ready["message"]


async def test_a_location_in_it_is_a_model_uri(world):
    world.cluster.create("direct", {"model": {"uri": LOCATION, "storeSecretName": "store"}})
    await world.reconcile("direct")
    assert world.status("direct")["model"]["target"]["location"] == LOCATION
