"""A laptop outside the cluster: presigned URLs lead to a store that it cannot reach."""

from pathlib import Path

import pytest
from davit_registry import Unavailable
from davit_registry.errors import StoreUnavailable
from davit_server.artifacts.local import resolve_and_fetch
from support.fakes.fetching import HURRIED, big, fetch, fetched, proxy_source, put_model
from support.fakes.store_server import StoreServer

NOBODY = "http://127.0.0.1:9"


async def test_files_come_through_the_proxy_when_the_store_is_unreachable(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(2))
    store.presigned_base = NOBODY
    await fetch(proxy_source(store, streams=True), tmp_path)
    assert fetched(tmp_path)["model"] == big(2)


async def test_a_store_that_fails_is_no_reason_to_stay_without_the_model_either(
    store: StoreServer, tmp_path: Path
):
    put_model(store, model=big(2))
    store.troubles_of["MLmodel"].append(lambda conversation, _: conversation.say(503))
    await fetch(proxy_source(store, streams=True), tmp_path)
    assert fetched(tmp_path)["model"] == big(2)
    assert not [one for one in store.gets() if "Range" not in one.headers and one.key.endswith("model")]


async def test_a_registry_that_fails_is_not_mistaken_for_its_store(store: StoreServer, tmp_path: Path):
    put_model(store)
    store.proxy_refusals.extend([(503, {"error_code": "INTERNAL_ERROR"})] * HURRIED.attempts)
    with pytest.raises(Unavailable) as raised:
        await fetch(proxy_source(store, streams=True), tmp_path)
    assert raised.value.reason == "RegistryFailing"
    assert not isinstance(raised.value, StoreUnavailable)
    assert len(store.seen) == HURRIED.attempts, "one listing an attempt, none without entity tags"


async def test_a_pod_does_not_fall_back_to_the_proxy_because_its_pin_needs_etags(
    store: StoreServer, tmp_path: Path
):
    put_model(store)
    store.presigned_base = NOBODY
    with pytest.raises(Unavailable, match="MLFLOW_S3_ENDPOINT_URL") as raised:
        await fetch(proxy_source(store), tmp_path)
    assert raised.value.reason == "StoreUnreachable"


@pytest.mark.parametrize("uri", ["", "sqlite:///mlflow.db", "./mlruns", "databricks"])
def test_a_reference_without_a_server_to_ask_says_what_to_set(monkeypatch: pytest.MonkeyPatch, uri: str):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(LookupError, match="MLFLOW_TRACKING_URI is not the address of an MLflow server"):
        resolve_and_fetch("models:/iris@champion")


def test_an_invalid_reference_is_rejected_with_the_valid_forms():
    with pytest.raises(LookupError, match="write models:/NAME/VERSION"):
        resolve_and_fetch("models:/iris")


def test_a_model_in_s3_needs_no_registry(store: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    put_model(store, model=big(2))
    for name, value in {
        "MLFLOW_S3_ENDPOINT_URL": store.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "XDG_CACHE_HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    found = resolve_and_fetch("s3://mlflow/artifacts/1/models/m-1/artifacts")
    assert fetched(found.path)["model"] == big(2)
    assert found.path.is_relative_to(tmp_path / "davit" / "models")
    assert (found.source.name, found.source.version, found.source.run_id) == ("", "", "")
    store.seen.clear()
    assert resolve_and_fetch("s3://mlflow/artifacts/1/models/m-1/artifacts") == found
    assert store.gets() == []
