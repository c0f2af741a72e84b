"""Stores and registries whose certificates a private CA has signed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from davit_registry import Unavailable
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.login import RegistryLogin
from davit_registry.rest import MlflowRest
from davit_registry.stores.mlflow_proxy import ProxySource
from davit_registry.stores.s3 import S3Source
from davit_server.artifacts.fetch import fetch_model
from davit_server.artifacts.settings import FetchSettings
from support.fakes.fetching import LOCATION, MODEL, big, fetch, fetched, put_model
from support.fakes.store_server import StoreServer, running_store_server
from support.servers.certificates import write_certificate


@pytest.fixture(scope="module")
def ca_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("ca") / "ca.pem")


@pytest.fixture(scope="module")
def certificate(ca_certificate: Path) -> str:
    return ca_certificate.read_text().partition("-----END PRIVATE KEY-----")[2]


@pytest.fixture(scope="module")
def store(ca_certificate: Path) -> Iterator[StoreServer]:
    with running_store_server(ca_certificate) as server:
        put_model(server, model=big(2))
        yield server


async def test_a_private_ca_certificate_is_trusted_for_the_list_and_the_files(
    store: StoreServer, ca_certificate: Path, tmp_path: Path
):
    source = S3Source(LOCATION, replace(store.options, ca_file=str(ca_certificate)))
    await fetch(source, tmp_path, trusted=create_ssl_context(str(ca_certificate)))
    assert fetched(tmp_path)["model"] == big(2)


@pytest.mark.parametrize("presigns", [True, False])
async def test_a_private_ca_certificate_of_the_registry_counts_for_presigned_urls_and_streams(
    store: StoreServer, ca_certificate: Path, tmp_path: Path, presigns: bool
):
    store.presigns = presigns
    client = MlflowRest(RegistryLogin(store.url, token="t"), ca_file=str(ca_certificate))
    source = ProxySource(f"mlflow-artifacts:/{MODEL}", client)
    await fetch(source, tmp_path, trusted=create_ssl_context(str(ca_certificate)))
    assert fetched(tmp_path)["model"] == big(2)


async def test_ca_certificates_from_the_environment_are_trusted_for_registry_and_store(
    store: StoreServer, certificate: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    given = {
        "DAVIT_CA_CERTIFICATES": certificate,
        "DAVIT_REGISTRY_URL": store.url,
        "AWS_ACCESS_KEY_ID": store.options.access_key_id,
        "AWS_SECRET_ACCESS_KEY": store.options.secret_access_key,
        "AWS_ENDPOINT_URL": store.options.endpoint_url,
    }
    for number, location in enumerate([LOCATION, f"mlflow-artifacts:/{MODEL}"]):
        place = {"DAVIT_FETCH_LOCATION": location, "DAVIT_FETCH_DESTINATION": str(tmp_path / str(number))}
        settings = FetchSettings.from_environment(given | place)
        settings.fetch_destination.mkdir()
        await fetch_model(settings)
        assert fetched(settings.fetch_destination)["model"] == big(2)


async def test_an_untrusted_store_is_rejected_during_listing(store: StoreServer, tmp_path: Path):
    with pytest.raises(Unavailable, match="not signed by a trusted CA certificate; provide") as raised:
        await fetch(S3Source(LOCATION, store.options), tmp_path)
    assert raised.value.reason == "StoreUntrusted"


async def test_an_untrusted_store_is_rejected_during_download(
    store: StoreServer, ca_certificate: Path, tmp_path: Path
):
    source = S3Source(LOCATION, replace(store.options, ca_file=str(ca_certificate)))
    with pytest.raises(Unavailable, match="DAVIT_CA_CERTIFICATES") as raised:
        await fetch(source, tmp_path, trusted=create_ssl_context())
    assert raised.value.reason == "StoreUntrusted"


async def test_an_untrusted_registry_is_rejected(store: StoreServer, tmp_path: Path):
    source = ProxySource(f"mlflow-artifacts:/{MODEL}", MlflowRest(RegistryLogin(store.url)))
    with pytest.raises(Unavailable) as raised:
        await fetch(source, tmp_path)
    assert raised.value.reason == "RegistryUntrusted"


BROKEN = {
    "expired": ("CertificateExpired", "has expired; renew it", {"begins_hours": -9, "ends_hours": -1}),
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
        await fetch(S3Source(LOCATION, replace(server.options, ca_file=str(file))), tmp_path)
    assert raised.value.reason == f"Store{reason}"


async def test_a_bad_certificate_of_the_registry_is_reported_with_its_cause(broken, tmp_path: Path):
    server, file, reason, said = broken
    source = ProxySource(
        f"mlflow-artifacts:/{MODEL}", MlflowRest(RegistryLogin(server.url), ca_file=str(file))
    )
    with pytest.raises(Unavailable, match=said) as raised:
        await fetch(source, tmp_path)
    assert raised.value.reason == f"Registry{reason}"


async def test_a_bad_certificate_of_the_store_is_reported_with_its_cause_during_download(
    broken, ca_certificate: Path, tmp_path: Path
):
    server, file, reason, said = broken
    with running_store_server() as listed:
        put_model(listed, model=b"x")
        source = S3Source(LOCATION, listed.options)
        source.sign = S3Source(LOCATION, replace(server.options, ca_file=str(file))).sign
        with pytest.raises(Unavailable, match=said) as raised:
            await fetch(source, tmp_path, trusted=create_ssl_context(str(file)))
    assert raised.value.reason == f"Store{reason}"


async def test_a_bad_certificate_behind_presigned_urls_is_reported_with_its_cause(broken, tmp_path: Path):
    server, file, reason, said = broken
    with running_store_server() as registry:
        put_model(registry, model=b"x")
        registry.presigned_base = server.url
        client = MlflowRest(RegistryLogin(registry.url), ca_file=str(file))
        with pytest.raises(Unavailable, match=said) as raised:
            await fetch(ProxySource(f"mlflow-artifacts:/{MODEL}", client), tmp_path)
    assert raised.value.reason == f"Store{reason}"


async def test_a_certificate_without_the_host_name_is_reported_as_wrong_host(tmp_path: Path):
    file = write_certificate(tmp_path / "ca.pem", "other.example")
    with running_store_server(file) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        client = MlflowRest(RegistryLogin(url), ca_file=str(file))
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
            await MlflowRest(RegistryLogin(https)).get("/x")
        assert raised.value.reason == "RegistryUnreachable"
