"""The environment of `davit fetch`."""

import os
from urllib.parse import urlsplit

import pytest
from davit_registry import File
from davit_registry.errors import UnsupportedStore
from davit_registry.stores.mlflow_proxy import ProxySource
from davit_registry.stores.s3 import S3Source, read_options
from davit_registry.stores.source import Source
from davit_registry.stores.table import open_source
from davit_server.artifacts.settings import FetchSettings

SECRET = "s3cr3t-w0rd"
AWS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "eu-central-1"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def settings(monkeypatch: pytest.MonkeyPatch, **environment: str) -> FetchSettings:
    environment.setdefault("DAVIT_FETCH_LOCATION", "s3://models/iris/1")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return FetchSettings.from_environment(os.environ)


def opened(found: FetchSettings) -> Source:
    return open_source(found.fetch_location, found.store_access())


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch):
    found = settings(
        monkeypatch,
        DAVIT_REGISTRY_PASSWORD=SECRET,
        DAVIT_REGISTRY_TOKEN=SECRET,
        AWS_SESSION_TOKEN=SECRET,
        **AWS,
    )
    access = found.store_access()
    assert SECRET not in repr(found) + str(found) + repr(access) + repr(read_options(access))


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch):
    found = settings(monkeypatch, AWS_ENDPOINT_URL="", DAVIT_FETCH_DESTINATION="", DAVIT_REGISTRY_USERNAME="")
    assert str(found.fetch_destination) == "/model"
    assert "DAVIT_REGISTRY_USERNAME" not in found.store_variables
    assert read_options(found.store_access()).endpoint_url == ""


def test_the_s3_endpoint_variable_overrides_the_general_aws_one(monkeypatch: pytest.MonkeyPatch):
    found = settings(monkeypatch, AWS_ENDPOINT_URL="http://all", AWS_ENDPOINT_URL_S3="http://s3")
    assert read_options(found.store_access()).endpoint_url == "http://s3"


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, "https://models.s3.eu-central-1.amazonaws.com/iris/1/MLmodel"),
        (
            {"DAVIT_FETCH_LOCATION": "s3://my.models/iris/1"},
            "https://s3.eu-central-1.amazonaws.com/my.models/iris/1/MLmodel",
        ),
        ({"AWS_S3_ADDRESSING_STYLE": "path"}, "https://s3.eu-central-1.amazonaws.com/models/iris/1/MLmodel"),
        ({"AWS_ENDPOINT_URL": "http://minio:9000"}, "http://minio:9000/models/iris/1/MLmodel"),
        (
            {"AWS_ENDPOINT_URL": "https://oss.example", "AWS_S3_ADDRESSING_STYLE": "virtual"},
            "https://models.oss.example/iris/1/MLmodel",
        ),
    ],
)
async def test_the_addressing_style_of_buckets_fits_the_store(monkeypatch, environment, url):
    source = opened(settings(monkeypatch, **AWS, **environment))
    assert isinstance(source, S3Source)
    request = await source.sign(File("MLmodel", 1, "x"))
    assert urlsplit(request.url)._replace(query="").geturl() == url
    assert "X-Amz-Signature=" in request.url
    assert SECRET not in request.url
    assert "X-Amz-Signature" not in repr(request)


async def test_keys_with_spaces_and_signs_are_signed_correctly(monkeypatch: pytest.MonkeyPatch):
    source = opened(settings(monkeypatch, **AWS, AWS_ENDPOINT_URL="http://minio"))
    request = await source.sign(File("with space/ä+b%20?.txt", 1, "x"))
    assert "/models/iris/1/with%20space/%C3%A4%2Bb%2520%3F.txt?" in request.url


async def test_proxied_locations_are_read_through_the_proxy(monkeypatch: pytest.MonkeyPatch):
    found = settings(
        monkeypatch, DAVIT_FETCH_LOCATION="mlflow-artifacts:/0/m", DAVIT_REGISTRY_URL="http://mlflow:5000"
    )
    source = opened(found)
    assert isinstance(source, ProxySource)
    await source.aclose()


@pytest.mark.parametrize("location", ["mlflow-artifacts:/0/m", "gs://b/m", "dbfs:/m", "file:///m", "/m"])
def test_an_unsupported_location_is_rejected_with_the_supported_ones(
    monkeypatch: pytest.MonkeyPatch, location: str
):
    with pytest.raises(UnsupportedStore, match=r"mlflow-artifacts|DAVIT_REGISTRY_URL") as raised:
        opened(settings(monkeypatch, DAVIT_FETCH_LOCATION=location))
    assert raised.value.reason == "UnsupportedStore"
