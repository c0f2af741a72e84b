"""The environment of `davit fetch`."""

import os
from urllib.parse import urlsplit

import pytest
from davit_registry import File
from davit_server.artifacts.fetch import choose_source
from davit_server.artifacts.mlflow_proxy import ProxySource
from davit_server.artifacts.s3 import S3Source
from davit_server.artifacts.settings import FetchSettings
from davit_server.errors import ModelRejected

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


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch):
    found = settings(
        monkeypatch,
        DAVIT_REGISTRY_PASSWORD=SECRET,
        DAVIT_REGISTRY_TOKEN=SECRET,
        AWS_SESSION_TOKEN=SECRET,
        **AWS,
    )
    assert SECRET not in repr(found) + str(found) + repr(found.store_options()) + repr(
        found.registry_credentials()
    )


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch):
    found = settings(monkeypatch, AWS_ENDPOINT_URL="", DAVIT_FETCH_DESTINATION="", DAVIT_REGISTRY_USERNAME="")
    assert str(found.fetch_destination) == "/model"
    assert found.registry_credentials() is None
    assert found.store_options().endpoint_url == ""


def test_the_s3_endpoint_variable_overrides_the_general_aws_one(monkeypatch: pytest.MonkeyPatch):
    found = settings(monkeypatch, AWS_ENDPOINT_URL="http://all", AWS_ENDPOINT_URL_S3="http://s3")
    assert found.store_options().endpoint_url == "http://s3"


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
    source = choose_source(settings(monkeypatch, **AWS, **environment))
    assert isinstance(source, S3Source)
    permission = await source.permit(File("MLmodel", 1, "x"))
    assert urlsplit(permission.url)._replace(query="").geturl() == url
    assert "X-Amz-Signature=" in permission.url
    assert SECRET not in permission.url
    assert "X-Amz-Signature" not in repr(permission)


async def test_keys_with_spaces_and_signs_are_signed_correctly(monkeypatch: pytest.MonkeyPatch):
    source = choose_source(settings(monkeypatch, **AWS, AWS_ENDPOINT_URL="http://minio"))
    permission = await source.permit(File("with space/ä+b%20?.txt", 1, "x"))
    assert "/models/iris/1/with%20space/%C3%A4%2Bb%2520%3F.txt?" in permission.url


async def test_proxied_locations_are_read_through_the_proxy(monkeypatch: pytest.MonkeyPatch):
    found = settings(
        monkeypatch, DAVIT_FETCH_LOCATION="mlflow-artifacts:/0/m", DAVIT_REGISTRY_URL="http://mlflow:5000"
    )
    source = choose_source(found)
    assert isinstance(source, ProxySource)
    await source.aclose()


@pytest.mark.parametrize("location", ["mlflow-artifacts:/0/m", "gs://b/m", "dbfs:/m", "file:///m", "/m"])
def test_an_unsupported_location_is_rejected_with_the_supported_ones(
    monkeypatch: pytest.MonkeyPatch, location: str
):
    with pytest.raises(ModelRejected, match="DAVIT_REGISTRY_URL") as raised:
        choose_source(settings(monkeypatch, DAVIT_FETCH_LOCATION=location))
    assert raised.value.reason == "UnsupportedStore"
