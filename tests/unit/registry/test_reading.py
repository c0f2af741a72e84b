"""Small files read through a loopback server that plays an S3 store, and MLflow's artifact proxy before it."""

import pytest
from davit_registry import Denied, File, NotFound, RegistryError
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.errors import StoreUnavailable
from davit_registry.login import RegistryLogin
from davit_registry.stores.reading import read_files
from davit_registry.stores.s3 import S3Source
from davit_registry.stores.source import StoreAccess
from davit_registry.stores.table import open_source
from support.fakes.store_server import StoreServer, running_store_server

CONTENT = {"MLmodel": b"flavors: {}\n", "requirements.txt": b"numpy==2.0.0\n", "empty": b""}


@pytest.fixture(scope="module")
def server():
    with running_store_server() as server:
        yield server


@pytest.fixture
def store(server: StoreServer):
    server.reset()
    for name, content in CONTENT.items():
        server.put(f"artifacts/1/{name}", content)
    return server


def source_of(store: StoreServer, kind: str):
    if kind == "s3":
        return S3Source("s3://mlflow/artifacts/1", store.options)
    store.presigns = kind == "presigned"
    return open_source("mlflow-artifacts:/1", StoreAccess(RegistryLogin(store.url).environment()))


async def read(store: StoreServer, kind: str = "s3", limit: int = 100) -> dict[str, bytes]:
    source = source_of(store, kind)
    try:
        files = await source.list_files()
        store.seen.clear()
        return await read_files(source, dict.fromkeys(files, limit), create_ssl_context())
    finally:
        await source.aclose()


async def refused(store: StoreServer, file: File) -> RegistryError:
    with pytest.raises(RegistryError) as refusal:
        await read_files(source_of(store, "s3"), {file: 100}, create_ssl_context())
    assert "Signature" not in str(refusal.value)
    return refusal.value


@pytest.mark.parametrize("kind", ["s3", "presigned", "streamed"])
async def test_the_content_of_each_file_is_read(store, kind):
    assert await read(store, kind) == CONTENT


@pytest.mark.parametrize("kind", ["s3", "presigned"])
async def test_a_file_is_read_as_it_was_listed(store, kind):
    await read(store, kind)
    tags = {one.headers["If-Match"].strip('"') for one in store.gets()}
    assert tags == {stored.etag for stored in store.objects.values() if stored.content}


@pytest.mark.parametrize("kind", ["s3", "presigned", "streamed"])
async def test_a_longer_file_is_cut_at_the_limit(store, kind):
    store.objects["artifacts/1/MLmodel"].content = b"x" * 5_000_000
    assert (await read(store, kind, limit=1000))["MLmodel"] == b"x" * 1000


async def test_a_file_that_changed_since_it_was_listed_is_tried_again(store):
    problem = await refused(store, File("MLmodel", 12, "0" * 32))
    assert isinstance(problem, StoreUnavailable)
    assert problem.cause == "the file MLmodel has changed since it was listed"


async def test_a_file_that_is_gone_is_named(store):
    problem = await refused(store, File("conda.yaml", 12, ""))
    assert isinstance(problem, NotFound)
    assert problem.reason == "FileMissing"


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (403, Denied, "StoreDenied"),
        (500, StoreUnavailable, "StoreFailing"),
        (206, StoreUnavailable, "StoreFailing"),
    ],
)
async def test_refusals_are_classed_as_those_of_listings(store, status, kind, reason):
    store.troubles.append(lambda conversation, _: conversation.say(status))
    problem = await refused(store, File("MLmodel", 12, ""))
    assert (type(problem), problem.reason) == (kind, reason)


async def test_a_redirect_names_the_region_and_is_not_followed(store):
    store.troubles.append(
        lambda conversation, _: conversation.say(
            307, x_amz_bucket_region="eu-west-1", Location=f"{store.url}/x"
        )
    )
    problem = await refused(store, File("MLmodel", 12, ""))
    assert problem.reason == "StoreRegion"
    assert len(store.seen) == 1


async def test_a_connection_that_ends_early_is_an_outage(store):
    store.troubles.append(lambda conversation, stored: conversation.cut(stored, 3))
    assert (await refused(store, File("MLmodel", 12, ""))).reason == "StoreUnreachable"
