"""Stores and registries behind certificates of a private authority."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from davit_registry import Unavailable
from davit_registry.credentials import Credentials
from davit_registry.mlflow import MlflowClient
from davit_registry.trust import trust
from davit_server.artifacts.fetch import fetch_model
from davit_server.artifacts.mlflow_proxy import ProxySource
from davit_server.artifacts.s3 import S3Source
from davit_server.artifacts.settings import FetchSettings
from support.certificates import write_certificate
from support.fetching import LOCATION, MODEL, big, fetch, fetched, put_model
from support.store_server import StoreServer, running_store_server


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("ca") / "ca.pem")


@pytest.fixture(scope="module")
def certificate(authority: Path) -> str:
    return authority.read_text().partition("-----END PRIVATE KEY-----")[2]


@pytest.fixture(scope="module")
def store(authority: Path) -> Iterator[StoreServer]:
    with running_store_server(authority) as server:
        put_model(server, model=big(2))
        yield server


async def test_a_private_authority_is_trusted_for_the_list_and_the_files(
    store: StoreServer, authority: Path, tmp_path: Path
):
    source = S3Source(LOCATION, replace(store.options, ca_bundle=str(authority)))
    await fetch(source, tmp_path, trusted=trust(str(authority)))
    assert fetched(tmp_path)["model"] == big(2)


@pytest.mark.parametrize("presigns", [True, False])
async def test_a_private_authority_of_the_registry_counts_for_presigned_urls_and_streams(
    store: StoreServer, authority: Path, tmp_path: Path, presigns: bool
):
    store.presigns = presigns
    client = MlflowClient(store.url, Credentials(token="t"), ca_bundle=str(authority))
    source = ProxySource(f"mlflow-artifacts:/{MODEL}", client)
    await fetch(source, tmp_path, trusted=trust(str(authority)))
    assert fetched(tmp_path)["model"] == big(2)


async def test_authorities_from_the_environment_count_for_the_registry_and_the_store(
    store: StoreServer, certificate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    given = {"ca_certificates": certificate}
    credentials = {
        "aws_access_key_id": store.options.access_key_id,
        "aws_secret_access_key": store.options.secret_access_key,
        "aws_endpoint_url": store.options.endpoint_url,
    }
    proxied = {"fetch_location": f"mlflow-artifacts:/{MODEL}", "registry_url": store.url}
    for number, place in enumerate([{"fetch_location": LOCATION, **credentials}, proxied]):
        settings = FetchSettings(fetch_destination=tmp_path / str(number), **place, **given)
        settings.fetch_destination.mkdir()
        await fetch_model(settings)
        assert fetched(settings.fetch_destination)["model"] == big(2)


async def test_a_store_that_nobody_vouches_for_is_refused_in_the_list(store: StoreServer, tmp_path: Path):
    with pytest.raises(Unavailable, match="signed by nobody we trust: provide the certificate") as raised:
        await fetch(S3Source(LOCATION, store.options), tmp_path)
    assert raised.value.reason == "StoreUntrusted"


async def test_a_store_that_nobody_vouches_for_is_refused_in_the_download(
    store: StoreServer, authority: Path, tmp_path: Path
):
    source = S3Source(LOCATION, replace(store.options, ca_bundle=str(authority)))
    with pytest.raises(Unavailable, match="DAVIT_CA_CERTIFICATES") as raised:
        await fetch(source, tmp_path, trusted=trust())
    assert raised.value.reason == "StoreUntrusted"


async def test_a_registry_that_nobody_vouches_for_is_refused(store: StoreServer, tmp_path: Path):
    source = ProxySource(f"mlflow-artifacts:/{MODEL}", MlflowClient(store.url))
    with pytest.raises(Unavailable) as raised:
        await fetch(source, tmp_path)
    assert raised.value.reason == "RegistryUntrusted"
