"""What arrives, from a store and through MLflow's proxy, when all goes well."""

import gzip
import json
from pathlib import Path

import pytest
from davit_registry import digest_of
from davit_server.errors import ModelRejected
from support.fakes.fetching import MODEL, PART, big, fetch, fetched, proxy_source, put_model, s3_source
from support.fakes.store_server import ROOT, StoreServer


def folder(store: StoreServer) -> dict[str, bytes]:
    prefix = f"{ROOT}{MODEL}/"
    return {
        key.removeprefix(prefix): stored.content
        for key, stored in store.objects.items()
        if key.startswith(prefix) and not key.endswith("/")
    }


@pytest.fixture(params=["s3", "presigned", "streamed"])
def way(request: pytest.FixtureRequest) -> str:
    return request.param


def source_of(way: str, store: StoreServer):
    store.presigns = way == "presigned"
    return s3_source(store) if way == "s3" else proxy_source(store)


async def test_a_model_arrives_whole_with_all_its_names(store: StoreServer, tmp_path: Path, way: str):
    put_model(store, model__skops=big(), code__deep__er__init=b"import x", empty=b"", exact=big(1))
    store.put(f"{ROOT}{MODEL}/with space/ünï cödé ☃.txt", b"schnee")
    store.put(f"{ROOT}{MODEL}/a+b&c=d;e'f\"(g).txt", b"signs")
    report = await fetch(source_of(way, store), tmp_path)
    assert fetched(tmp_path) == folder(store)
    assert report.files == len(folder(store))
    assert report.received_bytes == report.total_bytes == sum(map(len, folder(store).values()))


async def test_models_with_a_common_name_prefix_are_not_mixed(store: StoreServer, tmp_path: Path, way: str):
    put_model(store)
    store.put(f"{ROOT}{MODEL}0/MLmodel", b"another model")
    store.put(f"{ROOT}{MODEL}.bak", b"another file")
    await fetch(source_of(way, store), tmp_path)
    assert fetched(tmp_path) == {"MLmodel": b"flavors: {}\n"}


async def test_files_with_a_content_encoding_are_not_decompressed(
    store: StoreServer, tmp_path: Path, way: str
):
    packed = gzip.compress(b"data" * 100)
    put_model(store)
    store.put(f"{ROOT}{MODEL}/data.gz", packed, headers={"Content-Encoding": "gzip"})
    await fetch(source_of(way, store), tmp_path)
    assert fetched(tmp_path)["data.gz"] == packed


async def test_the_store_and_the_proxy_give_one_digest(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(), empty=b"")
    straight = await fetch(s3_source(store), tmp_path / "straight")
    proxied = await fetch(proxy_source(store), tmp_path / "proxied")
    assert straight.digest == proxied.digest == digest_of(await s3_source(store).list_files())


async def test_large_files_are_downloaded_in_ranges_of_the_pinned_etag(store: StoreServer, tmp_path: Path):
    stored = store.put(f"{ROOT}{MODEL}/model", big(2.5))
    put_model(store)
    await fetch(s3_source(store), tmp_path)
    asked = [seen.headers for seen in store.gets() if seen.key.endswith("/model")]
    assert sorted(headers["Range"] for headers in asked) == [
        f"bytes=0-{PART - 1}",
        f"bytes={2 * PART}-{int(2.5 * PART) - 1}",
        f"bytes={PART}-{2 * PART - 1}",
    ]
    assert {headers["If-Match"] for headers in asked} == {f'"{stored.etag}"'}


async def test_files_with_a_checksum_are_verified_and_counted(store: StoreServer, tmp_path: Path):
    put_model(store, model=big())
    store.put(f"{ROOT}{MODEL}/in-parts", big(), etag="0123456789abcdef0123456789abcdef-3")
    report = await fetch(s3_source(store), tmp_path)
    assert (report.files, report.checked_files) == (3, 2)


async def test_credentials_go_to_mlflow_and_never_to_the_store(store: StoreServer, tmp_path: Path):
    put_model(store)
    await fetch(proxy_source(store), tmp_path)
    for seen in store.seen:
        is_mlflow = seen.path.startswith("/api/")
        assert ("Authorization" in seen.headers) == is_mlflow, seen.path


async def test_the_server_finds_a_report_beside_the_model(store: StoreServer, tmp_path: Path):
    put_model(store)
    report = await fetch(s3_source(store), tmp_path)
    left = json.loads((tmp_path / ".davit" / "report.json").read_text())
    assert left["received_bytes"] == report.received_bytes
    assert left["seconds"] == report.seconds


async def test_a_different_digest_is_rejected_before_any_download(store: StoreServer, tmp_path: Path):
    put_model(store)
    with pytest.raises(ModelRejected, match="but sha256:pinned was pinned: they were changed") as raised:
        await fetch(s3_source(store), tmp_path, digest="sha256:pinned")
    assert raised.value.reason == "DigestMismatch"
    assert store.gets() == []
    assert fetched(tmp_path) == {}


@pytest.mark.parametrize(
    ("keys", "reason", "told"),
    [
        (["model.pkl"], "NotAModel", "no MLmodel file at s3://mlflow/artifacts/1/models/m-1/artifacts"),
        (["deeper/MLmodel", "deeper/model.pkl"], "NotAModel", "'deeper' in it is one"),
        (["MLmodel", "../../etc/passwd"], "UnsafePath", "leads out of the model's folder"),
        (["MLmodel", "a/../../b"], "UnsafePath", "leads out"),
        (["MLmodel", "a//b"], "UnsafePath", "leads out"),
        (["MLmodel", "./b"], "UnsafePath", "leads out"),
        (["MLmodel", ".davit/complete"], "UnsafePath", "find out who wrote that file"),
        (["MLmodel", "a", "a/b"], "UnsafePath", "or is a folder as well"),
    ],
)
async def test_a_folder_that_is_no_model_is_rejected_before_any_download(
    store: StoreServer, tmp_path: Path, keys: list[str], reason: str, told: str
):
    for key in keys:
        store.put(f"{ROOT}{MODEL}/{key}", b"x")
    with pytest.raises(ModelRejected) as raised:
        await fetch(s3_source(store), tmp_path / "model")
    assert (raised.value.stage, raised.value.reason) == ("fetch", reason)
    assert told in f"{raised.value.cause}: {raised.value.cure}"
    assert store.gets() == []
    assert fetched(tmp_path) == {}
