"""Stores and registries with certificates of a private CA."""

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
from support.fakes.fetching import LOCATION, MODEL, big, fetch, fetched, put_model
from support.fakes.store_server import StoreServer, running_store_server
from support.servers.certificates import write_certificate


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


async def test_a_private_ca_is_trusted_for_listing_and_download(
    store: StoreServer, authority: Path, tmp_path: Path
):
    source = S3Source(LOCATION, replace(store.options, ca_bundle=str(authority)))
    await fetch(source, tmp_path, trusted=trust(str(authority)))
    assert fetched(tmp_path)["model"] == big(2)


@pytest.mark.parametrize("presigns", [True, False])
async def test_a_private_ca_of_the_registry_is_trusted_for_presigned_urls_and_streams(
    store: StoreServer, authority: Path, tmp_path: Path, presigns: bool
):
    store.presigns = presigns
    client = MlflowClient(store.url, Credentials(token="t"), ca_bundle=str(authority))
    source = ProxySource(f"mlflow-artifacts:/{MODEL}", client)
    await fetch(source, tmp_path, trusted=trust(str(authority)))
    assert fetched(tmp_path)["model"] == big(2)


async def test_ca_certificates_from_the_environment_are_trusted_for_registry_and_store(
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


async def test_an_untrusted_store_is_rejected_during_listing(store: StoreServer, tmp_path: Path):
    with pytest.raises(Unavailable, match="not signed by a trusted CA certificate: provide") as raised:
        await fetch(S3Source(LOCATION, store.options), tmp_path)
    assert raised.value.reason == "StoreUntrusted"


async def test_an_untrusted_store_is_rejected_during_download(
    store: StoreServer, authority: Path, tmp_path: Path
):
    source = S3Source(LOCATION, replace(store.options, ca_bundle=str(authority)))
    with pytest.raises(Unavailable, match="DAVIT_CA_CERTIFICATES") as raised:
        await fetch(source, tmp_path, trusted=trust())
    assert raised.value.reason == "StoreUntrusted"


async def test_an_untrusted_registry_is_rejected(store: StoreServer, tmp_path: Path):
    source = ProxySource(f"mlflow-artifacts:/{MODEL}", MlflowClient(store.url))
    with pytest.raises(Unavailable) as raised:
        await fetch(source, tmp_path)
    assert raised.value.reason == "RegistryUntrusted"


BROKEN = {
    "expired": ("CertificateExpired", "has expired: renew it", {"begins_hours": -9, "ends_hours": -1}),
    "not valid yet": ("CertificateNotYetValid", "check the clocks of", {"begins_hours": 1, "ends_hours": 9}),
    "for another address": ("CertificateWrongHost", "is for another host name", {"address": "127.0.0.9"}),
}


@pytest.fixture(scope="module", params=BROKEN)
def broken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple]:
    """A server whose certificate is trusted and still cannot be accepted; how its reason ends; what is said."""
    reason, said, about = BROKEN[request.param]
    file = write_certificate(tmp_path_factory.mktemp("ca") / "ca.pem", **about)
    with running_store_server(file) as server:
        put_model(server, model=b"x")
        yield server, file, reason, said


async def test_a_bad_certificate_of_the_store_is_reported_with_its_cause_during_listing(
    broken, tmp_path: Path
):
    server, file, reason, said = broken
    with pytest.raises(Unavailable, match=said) as raised:
        await fetch(S3Source(LOCATION, replace(server.options, ca_bundle=str(file))), tmp_path)
    assert raised.value.reason == f"Store{reason}"


async def test_a_bad_certificate_of_the_registry_is_reported_with_its_cause(broken, tmp_path: Path):
    server, file, reason, said = broken
    source = ProxySource(f"mlflow-artifacts:/{MODEL}", MlflowClient(server.url, ca_bundle=str(file)))
    with pytest.raises(Unavailable, match=said) as raised:
        await fetch(source, tmp_path)
    assert raised.value.reason == f"Registry{reason}"


async def test_a_bad_certificate_of_the_store_is_reported_with_its_cause_during_download(
    broken, authority: Path, tmp_path: Path
):
    server, file, reason, said = broken
    with running_store_server() as listed:
        put_model(listed, model=b"x")
        source = S3Source(LOCATION, listed.options)
        source.permit = S3Source(LOCATION, replace(server.options, ca_bundle=str(file))).permit
        with pytest.raises(Unavailable, match=said) as raised:
            await fetch(source, tmp_path, trusted=trust(str(file)))
    assert raised.value.reason == f"Store{reason}"


async def test_a_bad_certificate_behind_presigned_urls_is_reported_with_its_cause(broken, tmp_path: Path):
    server, file, reason, said = broken
    with running_store_server() as registry:
        put_model(registry, model=b"x")
        registry.presigned_base = server.url
        client = MlflowClient(registry.url, ca_bundle=str(file))
        with pytest.raises(Unavailable, match=said) as raised:
            await fetch(ProxySource(f"mlflow-artifacts:/{MODEL}", client), tmp_path)
    assert raised.value.reason == f"Store{reason}"


async def test_a_certificate_without_the_host_name_is_reported_as_wrong_host(tmp_path: Path):
    file = write_certificate(tmp_path / "ca.pem", "other.example")
    with running_store_server(file) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        client = MlflowClient(url, ca_bundle=str(file))
        with pytest.raises(Unavailable) as raised:
            await client.get("/x")
    assert raised.value.reason == "RegistryCertificateWrongHost"


async def test_a_server_that_speaks_no_tls_is_unreachable_and_not_untrusted(tmp_path: Path):
    with running_store_server() as server:
        https = server.url.replace("http://", "https://")
        with pytest.raises(Unavailable) as raised:
            await fetch(S3Source(LOCATION, replace(server.options, endpoint_url=https)), tmp_path)
        assert raised.value.reason == "StoreUnreachable"
        with pytest.raises(Unavailable) as raised:
            await MlflowClient(https).get("/x")
        assert raised.value.reason == "RegistryUnreachable"
