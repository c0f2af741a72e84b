"""The table of stores: what a Secret and an environment give to each kind."""

import pytest
from davit_registry import File, InvalidReference
from davit_registry.errors import UnsupportedStore
from davit_registry.login import RegistryLogin
from davit_registry.stores.s3 import S3Options, read_options
from davit_registry.stores.source import StoreAccess
from davit_registry.stores.table import ca_files, open_source, read_environment, store_kind

S3 = store_kind("s3://bucket/prefix")
PROXY = store_kind("mlflow-artifacts:/1")
KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hunter2"}


def test_a_secret_gives_its_keys_and_no_variable_that_may_name_a_file_of_the_operator():
    secret = {**KEYS, "AWS_ENDPOINT_URL": "http://store", "AWS_REGION": "", "AWS_CA_BUNDLE": "/etc/passwd"}
    access = S3.read_secret(secret)
    assert read_options(access) == S3Options("id", "hunter2", endpoint_url="http://store", isolated=True)
    assert "hunter2" not in repr(access) + repr(read_options(access))


async def test_a_secret_without_an_endpoint_never_leads_to_the_store_of_the_process_itself(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://own-store:7070")
    monkeypatch.setenv("AWS_REGION", "own-region")
    request = await open_source("s3://bucket/models/1", S3.read_secret(KEYS)).sign(File("MLmodel", 1, "x"))
    assert request.url.startswith("https://bucket.s3.amazonaws.com/models/1/MLmodel?")


def test_a_process_reads_the_variables_of_all_stores_and_no_others():
    registry = {"DAVIT_REGISTRY_URL": "http://mlflow", "DAVIT_REGISTRY_TOKEN": "t"}
    given = {**KEYS, **registry, "AWS_REGION": "", "AWS_PROFILE": "x", "HOME": "/root"}
    assert read_environment(given) == {**KEYS, **registry}


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"AWS_DEFAULT_REGION": "a"}, S3Options(region="a")),
        ({"AWS_DEFAULT_REGION": "a", "AWS_REGION": "b"}, S3Options(region="b")),
        ({"AWS_ENDPOINT_URL": "http://a"}, S3Options(endpoint_url="http://a")),
        (
            {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"},
            S3Options(endpoint_url="http://b"),
        ),
        (
            {"AWS_ENDPOINT_URL_S3": "http://b", "MLFLOW_S3_ENDPOINT_URL": "http://c"},
            S3Options(endpoint_url="http://c"),
        ),
        ({}, S3Options(ca_file="/ca.pem")),
        ({"AWS_CA_BUNDLE": "/aws.pem"}, S3Options(ca_file="/aws.pem")),
    ],
)
def test_the_more_specific_variable_of_two_counts(given, options):
    assert read_options(StoreAccess(given, ca_file=options.ca_file and "/ca.pem")) == options


def test_an_addressing_style_that_is_none_is_refused_by_the_name_of_its_variable():
    with pytest.raises(
        InvalidReference, match="AWS_S3_ADDRESSING_STYLE is 'sideways'; set it to one of auto"
    ):
        open_source("s3://bucket/iris", StoreAccess({"AWS_S3_ADDRESSING_STYLE": "sideways"}))


def test_keys_are_required_where_every_login_has_them():
    assert {key for key in S3.secret_keys if S3.is_required(key)} == KEYS.keys()
    assert not any(PROXY.is_required(key) for key in PROXY.secret_keys)


def test_files_of_ca_certificates_are_those_that_the_stores_variables_name():
    assert ca_files({"AWS_CA_BUNDLE": "/aws.pem", "SSL_CERT_FILE": "/other.pem"}) == ["/aws.pem"]
    assert ca_files({}) == []


@pytest.mark.parametrize("location", ["gs://bucket/iris", "dbfs:/iris", "/iris", "", "S3://bucket"])
def test_a_location_in_no_known_store_names_the_known_ones(location):
    with pytest.raises(UnsupportedStore, match="none of s3://BUCKET/PREFIX, mlflow-artifacts:/PATH"):
        open_source(location, StoreAccess())


def test_a_login_is_the_same_after_its_way_through_an_environment():
    login = RegistryLogin("http://mlflow", "me", "hunter2")
    assert RegistryLogin.from_environment(login.environment()) == login
    assert login.environment().keys() == {
        f"DAVIT_REGISTRY_{name}" for name in ("URL", "USERNAME", "PASSWORD")
    }
