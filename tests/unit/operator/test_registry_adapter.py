"""The adapter to MLflow: its errors as ours, and its clients."""

import pytest
from davit_operator.adapters import registry_mlflow
from davit_operator.adapters.registry_mlflow import MlflowRegistry
from davit_operator.domain.errors import Denied, InvalidSpec, ModelRejected, Unavailable, Waiting, translated
from davit_registry import errors
from davit_registry.login import RegistryLogin


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (errors.InvalidReference("it is odd"), InvalidSpec),
        (errors.NotFound("it is not there", reason="AliasNotFound"), ModelRejected),
        (errors.NotFinished("it is PENDING", reason="VersionNotReady"), Waiting),
        (errors.Denied("no"), Denied),
        (errors.Unavailable("no answer"), Unavailable),
        (errors.RegistryError("something"), Unavailable),
    ],
    ids=str,
)
def test_registry_errors_map_to_error_classes(theirs, ours):
    with pytest.raises(ours) as raised, translated("models:/iris@champion"):
        raise theirs
    assert raised.value.reason == theirs.reason


def test_a_message_names_the_reference_the_cause_and_the_cure():
    with pytest.raises(ModelRejected) as raised, translated("models:/iris@champion"):
        raise errors.NotFound("alias 'champion' does not exist", cure="set it in MLflow")
    assert raised.value.message == "models:/iris@champion: alias 'champion' does not exist; set it in MLflow"


def test_a_location_is_not_named_twice():
    with pytest.raises(ModelRejected) as raised, translated("s3://b/iris"):
        raise errors.NotFound("there are no files at s3://b/iris", cure="log it again")
    assert raised.value.message == "there are no files at s3://b/iris; log it again"


async def test_one_client_serves_one_server_and_login():
    registry = MlflowRegistry()
    anonymous, login = RegistryLogin("http://mlflow"), RegistryLogin("http://mlflow", token="t")
    assert await registry.client(anonymous) is await registry.client(anonymous)
    assert await registry.client(anonymous) is not await registry.client(login)
    await registry.aclose()


async def test_the_least_recently_used_client_is_closed(monkeypatch):
    monkeypatch.setattr(registry_mlflow, "_MOST_CLIENTS", 2)
    registry = MlflowRegistry()
    one, two, three = (RegistryLogin(f"http://{number}") for number in range(3))
    first, second = await registry.client(one), await registry.client(two)
    await registry.client(one)
    await registry.client(three)
    assert await registry.client(one) is first
    assert await registry.client(two) is not second
    await registry.aclose()
