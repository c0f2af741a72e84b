"""Listings against a loopback server that plays an S3 store."""

import ssl

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from davit_registry import Denied, File, InvalidReference, NotFound, Unavailable
from davit_registry.errors import StoreUnavailable
from davit_registry.stores.s3 import S3Options, S3Source, s3_client, split_s3, store_error
from support.fakes.store_server import StoreServer, running_store_server

URI = "s3://bucket/models/1"


@pytest.fixture(scope="module")
def server():
    with running_store_server() as server:
        yield server


@pytest.fixture
def store(server: StoreServer):
    server.objects.clear()
    server.page_size = 1000
    server.seen.clear()
    return server


async def listed(store: StoreServer, uri: str = "s3://mlflow/models/1") -> list[str]:
    return [file.path for file in await S3Source(uri, store.options).list_files()]


async def test_a_file_is_its_path_size_and_tag(store):
    stored = store.put("models/1/MLmodel", b"flavors")
    source = S3Source("s3://mlflow/models/1", store.options)
    assert await source.list_files() == [File("MLmodel", 7, stored.etag)]


@pytest.mark.parametrize("uri", ["s3://mlflow/models/1", "s3://mlflow/models/1/", "s3://mlflow/models/1//"])
async def test_a_prefix_is_a_folder_models_1_never_lists_models_10(store, uri):
    for key in ("models/1/MLmodel", "models/10/MLmodel", "models/1", "models/1.bak"):
        store.put(key, b"x")
    assert await listed(store, uri) == ["MLmodel"]


async def test_empty_files_are_listed_and_folder_markers_are_not(store):
    store.put("models/1/", b"")
    store.put("models/1/data/", b"")
    store.put("models/1/data/empty", b"")
    store.put("models/1/__init__.py", b"")
    assert await listed(store) == ["__init__.py", "data/empty"]


async def test_every_key_is_decoded(store):
    names = ["a b", "a%41", "a+b", "a&b=c;d", "ä/日本", "q'\"<>", "100%", "#?"]
    for name in names:
        store.put(f"models/1/{name}", b"x")
    assert await listed(store) == sorted(names)


async def test_all_pages_of_a_listing_are_read(store):
    store.page_size = 3
    for number in range(10):
        store.put(f"models/1/{number}", b"x")
    assert await listed(store) == [str(number) for number in range(10)]
    assert len(store.seen) == 4


async def test_a_whole_bucket_is_a_location(store):
    store.put("MLmodel", b"x")
    assert await listed(store, "s3://mlflow") == ["MLmodel"]


async def test_an_empty_location_is_reported(store):
    with pytest.raises(NotFound, match="s3://mlflow/models/1") as refusal:
        await listed(store)
    assert refusal.value.reason == "LocationEmpty"


async def test_a_store_that_does_not_answer_is_unavailable():
    nobody = S3Options("key", "secret", endpoint_url="http://127.0.0.1:1")
    with pytest.raises(Unavailable, match="EndpointConnectionError") as refusal:
        await S3Source(URI, nobody).list_files()
    assert refusal.value.reason == "StoreUnreachable"


@pytest.mark.parametrize("uri", ["s3://Bad Bucket_/x", "s3://a..b?/x"])
async def test_an_invalid_bucket_name_is_an_invalid_reference(store, uri):
    with pytest.raises(InvalidReference, match="no store can have") as refusal:
        await S3Source(uri, store.options).list_files()
    assert refusal.value.reason == "InvalidLocation"


async def test_an_invalid_endpoint_is_an_invalid_setting():
    with pytest.raises(InvalidReference, match="AWS_ENDPOINT_URL") as refusal:
        await S3Source(URI, S3Options("key", "secret", endpoint_url="store")).list_files()
    assert refusal.value.reason == "InvalidEndpoint"


def test_a_broken_aws_configuration_is_an_invalid_setting(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(InvalidReference, match="AWS_PROFILE") as refusal:
        s3_client(S3Options("key", "secret", endpoint_url="http://127.0.0.1:2"))
    assert refusal.value.reason == "InvalidStoreSettings"


@pytest.mark.parametrize("uri", ["mlflow-artifacts:/1", "s3:/bucket", "s3://", "s3:///x", ""])
def test_an_invalid_s3_location_is_rejected(uri):
    with pytest.raises(InvalidReference, match="no location in S3"):
        split_s3(uri)


def code(text: str) -> ClientError:
    return ClientError({"Error": {"Code": text, "Message": "the secret key is hunter2"}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (code("NoSuchBucket"), NotFound, "BucketNotFound"),
        (code("InvalidBucketName"), InvalidReference, "InvalidLocation"),
        (code("AccessDenied"), Denied, "StoreDenied"),
        (code("SignatureDoesNotMatch"), Denied, "StoreDenied"),
        (code("ExpiredToken"), Denied, "StoreDenied"),
        (code("XAdminUserNotFound"), Denied, "StoreDenied"),
        (code("PermanentRedirect"), Denied, "StoreRegion"),
        (code("AuthorizationHeaderMalformed"), Denied, "StoreRegion"),
        (code("SlowDown"), StoreUnavailable, "StoreFailing"),
        (code("InternalError"), StoreUnavailable, "StoreFailing"),
        (code(""), StoreUnavailable, "StoreFailing"),
        (ClientError({}, "ListObjectsV2"), StoreUnavailable, "StoreFailing"),
        (NoCredentialsError(), Denied, "StoreDenied"),
        (PartialCredentialsError(provider="env", cred_var="key"), Denied, "StoreDenied"),
        (SSLError(endpoint_url="https://x", error="hunter2"), StoreUnavailable, "StoreUnreachable"),
        (
            SSLError(endpoint_url="https://x", error=ssl.SSLError("hunter2")),
            StoreUnavailable,
            "StoreUnreachable",
        ),
        (ConnectTimeoutError(endpoint_url="https://x"), StoreUnavailable, "StoreUnreachable"),
        (ReadTimeoutError(endpoint_url="https://x"), StoreUnavailable, "StoreUnreachable"),
        (EndpointConnectionError(endpoint_url="https://x"), StoreUnavailable, "StoreUnreachable"),
    ],
)
def test_store_errors_map_to_error_classes_without_quoting(error, kind, reason):
    ours = store_error(error, URI)
    assert (type(ours), ours.reason) == (kind, reason)
    assert URI in ours.cause
    assert ours.cure
    assert "hunter2" not in str(ours)


def test_the_keys_of_a_store_are_in_no_repr():
    assert "secret" not in repr(
        S3Options("key-secret", "secret", "session-secret", endpoint_url="http://store")
    )
