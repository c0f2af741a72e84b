"""Listings through a loopback server that plays MLflow's artifact proxy and the S3 store behind it."""

import httpx
import pytest
from davit_registry import Denied, File, InvalidReference, NotFound, RegistryError, Unavailable, digest_of
from davit_registry.errors import StoreUnavailable
from davit_registry.login import RegistryLogin
from davit_registry.rest import MlflowRest
from davit_registry.stores.mlflow_proxy import list_proxy, presign, proxied_url, split_proxy
from davit_registry.stores.s3 import S3Source
from davit_registry.stores.source import SignedRequest
from support.fakes.store_server import StoreServer, running_store_server

LOCATION = "mlflow-artifacts:/1/models/m-1/artifacts"
FOLDER = "artifacts/1/models/m-1/artifacts/"
NAMES = ["MLmodel", "data/a b.txt", "data/deep/ä.txt", "data/deep/empty", "empty", "model.skops", "q'+&.txt"]


@pytest.fixture(scope="module")
def server():
    with running_store_server() as server:
        yield server


@pytest.fixture
def store(server: StoreServer):
    server.presigns = True
    for state in (server.objects, server.troubles, server.proxy_refusals, server.seen):
        state.clear()
    for name in NAMES:
        server.put(FOLDER + name, b"" if "empty" in name else name.encode())
    return server


async def listed(store: StoreServer, **options) -> list[File]:
    async with MlflowRest(RegistryLogin(store.url)) as mlflow:
        return await list_proxy(mlflow, LOCATION, **options)


async def refused(store: StoreServer) -> RegistryError:
    with pytest.raises(RegistryError) as refusal:
        await listed(store)
    assert store.signature() not in str(refusal.value)
    return refusal.value


async def test_the_proxy_and_the_store_list_the_same_files_with_one_digest(store):
    store.put("artifacts/1/models/m-10/artifacts/MLmodel", b"another model")
    through = await listed(store)
    straight = await S3Source(f"s3://mlflow/{FOLDER}", store.options).list_files()
    assert through == straight
    assert [file.path for file in through] == sorted(NAMES)
    assert all(file.etag for file in through)
    assert digest_of(through) == digest_of(straight)


async def test_reading_an_etag_downloads_at_most_one_byte(store):
    await listed(store)
    for get in store.gets():
        assert get.headers.get("Range") == (None if "empty" in get.key else "bytes=0-0")
    assert len(store.gets()) == len(NAMES)


async def test_without_presigned_urls_files_have_no_etags_after_one_request(store):
    store.presigns = False
    assert {file.etag for file in await listed(store)} == {""}
    assert sum("presigned" in one.path for one in store.seen) == 1


async def test_etags_are_not_read_unless_requested(store):
    assert {file.etag for file in await listed(store, etags=False)} == {""}
    assert not any("presigned" in one.path for one in store.seen)


@pytest.mark.parametrize("status", [404, 405])
async def test_mlflow_2_has_no_presigned_urls(status):
    page = httpx.MockTransport(lambda _: httpx.Response(status, text="<!doctype html>"))
    async with MlflowRest(RegistryLogin("http://mlflow.example"), transport=page) as mlflow:
        assert await presign(mlflow, "1/model/MLmodel") is None


async def test_an_empty_location_is_named(store):
    store.objects.clear()
    error = await refused(store)
    assert (type(error), error.reason) == (NotFound, "LocationEmpty")
    assert LOCATION in error.cause


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (400, Denied, "StoreDenied"),
        (403, Denied, "StoreDenied"),
        (404, NotFound, "FileMissing"),
        (302, StoreUnavailable, "StoreFailing"),
        (503, StoreUnavailable, "StoreFailing"),
    ],
)
async def test_errors_of_a_presigned_url_map_to_error_classes(store, status, kind, reason):
    store.troubles.append(lambda talk, _: talk.say(status, b"<Error>secret</Error>"))
    error = await refused(store)
    assert (type(error), error.reason) == (kind, reason)
    assert "MLmodel" in error.cause
    assert "secret" not in str(error)


async def test_the_first_failure_ends_a_listing(store):
    for number in range(200):
        store.put(f"{FOLDER}many/{number}", b"x")
    store.troubles.append(lambda talk, stored: talk.answer(stored))
    store.troubles.append(lambda talk, _: talk.say(403))
    assert (await refused(store)).reason == "StoreDenied"
    assert len(store.gets()) < 100


async def test_an_unreachable_store_behind_presigned_urls_is_a_server_setting(store):
    store.proxy_refusals.append((200, {"files": [{"path": "MLmodel", "file_size": "7"}]}))
    store.proxy_refusals.append((200, {"url": "http://127.0.0.1:1/x?X-Amz-Signature=" + store.signature()}))
    error = await refused(store)
    assert (type(error), error.reason) == (StoreUnavailable, "StoreUnreachable")
    assert "MLFLOW_S3_ENDPOINT_URL" in error.cure


@pytest.mark.parametrize(
    "answers",
    [
        [{"files": [{}]}],
        [{"files": [7]}],
        [{"files": 7}],
        [{"files": [{"path": "a", "file_size": "x"}]}],
        [{"files": [{"path": "a"}]}, {}],
    ],
    ids=["no path", "no object", "no list", "no size", "no url"],
)
async def test_unexpected_json_is_no_mlflow_server(store, answers):
    store.proxy_refusals.extend((200, answer) for answer in answers)
    error = await refused(store)
    assert (type(error), error.reason) == (Unavailable, "NotAnMlflowServer")


async def test_endless_folders_are_rejected():
    turtles = httpx.MockTransport(
        lambda _: httpx.Response(200, json={"files": [{"path": "turtle", "is_dir": True}]})
    )
    async with MlflowRest(RegistryLogin("http://mlflow.example"), transport=turtles) as mlflow:
        with pytest.raises(InvalidReference, match="without end") as refusal:
            await list_proxy(mlflow, LOCATION)
    assert refusal.value.reason == "LocationTooLarge"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("a%41", 404, "RESOURCE_DOES_NOT_EXIST"), ("a#b?c", 400, "INVALID_PARAMETER_VALUE")],
)
async def test_a_file_name_that_mlflow_cannot_serve_is_reported_with_the_cure(name, status, code):
    answer = httpx.MockTransport(lambda _: httpx.Response(status, json={"error_code": code}))
    async with MlflowRest(RegistryLogin("http://mlflow.example"), transport=answer) as mlflow:
        with pytest.raises(InvalidReference, match="cannot hand out") as refusal:
            await presign(mlflow, f"1/model/{name}")
    assert refusal.value.reason == "FileNameUnusable"
    assert name in refusal.value.cause
    assert "straight from S3" in refusal.value.cure


async def test_a_missing_file_differs_from_a_server_without_presigned_urls(store):
    async with MlflowRest(RegistryLogin(store.url)) as mlflow:
        with pytest.raises(NotFound, match="gone") as refusal:
            await presign(mlflow, "1/models/m-1/artifacts/nothing")
    assert refusal.value.reason == "FileMissing"


async def test_a_failure_to_presign_differs_from_a_server_without_presigned_urls(store):
    store.proxy_refusals.append((200, {"files": [{"path": "MLmodel"}]}))
    store.proxy_refusals.append((500, {"error_code": "INTERNAL_ERROR"}))
    assert (await refused(store)).reason == "RegistryFailing"


def test_a_presigned_url_is_in_no_repr():
    assert "secret" not in repr(SignedRequest("http://store/x?X-Amz-Signature=secret", {"x": "secret"}))


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("mlflow-artifacts:/1/model", "1/model"),
        ("mlflow-artifacts:/1/model/", "1/model"),
        ("mlflow-artifacts:///1/model", "1/model"),
        ("mlflow-artifacts://elsewhere.example:5000/1/model", "1/model"),  # credentials never go elsewhere
        ("mlflow-artifacts:/1/..model", "1/..model"),
    ],
)
def test_a_location_is_a_path_below_the_root_of_the_configured_server(location, path):
    assert split_proxy(location) == path


@pytest.mark.parametrize(
    "location",
    [
        "",
        "s3://bucket/x",
        "mlflow-artifacts:/",
        "mlflow-artifacts:",
        "mlflow-artifacts:1/x",
        "mlflow-artifacts://host",
        "mlflow-artifacts:/1/../2",
    ],
)
def test_an_invalid_proxy_location_is_rejected(location):
    with pytest.raises(InvalidReference, match="no location behind"):
        split_proxy(location)


async def test_the_url_of_a_stream_is_quoted_and_without_a_login():
    async with MlflowRest(RegistryLogin("http://me:secret@mlflow.example")) as mlflow:
        url = proxied_url(mlflow, "1/a b/ä#?.txt")
    assert url == "http://mlflow.example/api/2.0/mlflow-artifacts/artifacts/1/a%20b/%C3%A4%23%3F.txt"
