"""References, listings and fetches against a real MLflow server and a real S3 store."""

import asyncio
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from davit_registry import Denied, File, InvalidReference, NotFound, Unavailable, digest_of, parse_reference
from davit_registry.listing import Integrity, contents_of
from davit_registry.resolved import ResolvedModel
from davit_registry.stores.mlflow_proxy import list_proxy
from davit_registry.stores.s3 import S3Source
from davit_server.artifacts.local import LocalModel, resolve_and_fetch

pytestmark = pytest.mark.stack


async def resolve(registry, uri: str) -> ResolvedModel:
    async with registry.client() as client:
        return await client.resolve(parse_reference(uri))


@pytest.fixture(scope="session")
def odd(registry) -> str:
    """Location of a model with files that are hard to list, between neighbours that are not its own."""
    root = "artifacts/odd/models/1"
    store = registry.store.client()
    for key, content in {
        f"{root}/MLmodel": b"flavors: {}\n",
        f"{root}/empty": b"",
        f"{root}/a folder/ünï cödé ☃.txt": b"snow",
        f"{root}/deep/er/er/file": b"x" * 100,
        f"{root}/plus+and&=;'().txt": b"signs",
        f"{root}/marker/": b"",
        f"{root}0/MLmodel": b"another model",
    }.items():
        store.put_object(Bucket="mlflow", Key=key, Body=content)
    return "mlflow-artifacts:/odd/models/1"


async def test_every_form_of_reference_leads_to_its_files(registry):
    first, second = registry.made["first"], registry.made["second"]
    forms = {
        "models:/iris/1": first,
        "models:/iris/2": second,
        "models:/iris@champion": first,
        "models:/iris@challenger": second,
        "models:/iris/Production": first,
        "models:/iris-production/1": first,
        f"models:/{first['model']}": first,
        f"runs:/{second['run']}/model": second,
    }
    for uri, made in forms.items():
        found = await resolve(registry, uri)
        assert found.location == f"mlflow-artifacts:/0/models/{made['model']}/artifacts", uri
        assert found.run_id == made["run"], uri
    assert (await resolve(registry, "models:/iris/latest")).version == "3"
    assert (await resolve(registry, "s3://mlflow/x")).location == "s3://mlflow/x"
    legacy = await resolve(registry, f"runs:/{registry.made['legacy']}/old/model")
    assert legacy.location == f"mlflow-artifacts:/0/{registry.made['legacy']}/artifacts/old/model"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("models:/iris@nobody", "AliasNotFound"),
        ("models:/iris/99", "VersionNotFound"),
        ("models:/ghost/1", "ModelNotFound"),
        ("models:/ghost@champion", "ModelNotFound"),
        ("models:/iris/Archived", "StageEmpty"),
        ("models:/m-00000000000000000000000000000000", "ModelNotFound"),
        ("runs:/00000000000000000000000000000000/model", "RunNotFound"),
    ],
)
async def test_a_missing_name_is_reported(registry, uri: str, reason: str):
    with pytest.raises(NotFound) as raised:
        await resolve(registry, uri)
    assert raised.value.reason == reason


async def test_an_unknown_stage_is_an_invalid_reference(registry):
    with pytest.raises(InvalidReference):
        await resolve(registry, "models:/iris/Nonsense")


async def test_the_store_and_the_proxy_list_one_model_with_one_digest(registry, odd: str):
    first = (await resolve(registry, "models:/iris/1")).location
    async with registry.client() as client:
        for location in (first, odd):
            proxied = await list_proxy(client, location)
            straight = await S3Source(registry.in_store(location), registry.store.options).list_files()
            assert proxied == straight
            assert digest_of(proxied) == digest_of(straight)
            assert all(file.etag for file in proxied)
            assert contents_of(proxied).integrity is contents_of(straight).integrity is Integrity.CONTENT


async def test_odd_file_names_are_listed_without_neighbours_and_folder_markers(registry, odd: str):
    found = await S3Source(registry.in_store(odd), registry.store.options).list_files()
    assert [file.path for file in found] == [
        "MLmodel",
        "a folder/ünï cödé ☃.txt",
        "deep/er/er/file",
        "empty",
        "plus+and&=;'().txt",
    ]
    assert File("empty", 0, "d41d8cd98f00b204e9800998ecf8427e") in found


async def test_a_store_distinguishes_denied_missing_and_unreachable(registry):
    options = registry.store.options
    with pytest.raises(Denied, match="SignatureDoesNotMatch"):
        await S3Source("s3://mlflow/x", replace(options, secret_access_key="wrong")).list_files()
    with pytest.raises(Denied):
        await S3Source("s3://mlflow/x", replace(options, access_key_id="nobody")).list_files()
    with pytest.raises(NotFound) as raised:
        await S3Source("s3://no-such-bucket/x", options).list_files()
    assert raised.value.reason == "BucketNotFound"
    with pytest.raises(NotFound) as raised:
        await S3Source("s3://mlflow/nothing-here", options).list_files()
    assert raised.value.reason == "LocationEmpty"
    with pytest.raises(Unavailable):
        await S3Source("s3://mlflow/x", replace(options, endpoint_url="http://127.0.0.1:9")).list_files()


def davit_fetch(tmp_path: Path, **environment: str) -> tuple[dict[str, bytes], dict[str, object]]:
    """The command as the container runs it: the files, and the last line of its log."""
    destination = tmp_path / "model"
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DAVIT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "davit_server", "fetch"],
        env={**bare, "DAVIT_FETCH_DESTINATION": str(destination), **environment},
        stderr=subprocess.PIPE,
        check=True,
        text=True,
    )
    files = [path for path in destination.rglob("*") if path.is_file() and ".davit" not in path.parts]
    found = {str(path.relative_to(destination)): path.read_bytes() for path in files}
    return found, json.loads(done.stderr.splitlines()[-1])


def stored(registry, location: str) -> dict[str, bytes]:
    """The objects of a model, read with boto3 alone."""
    prefix = registry.in_store(location).removeprefix("s3://mlflow/") + "/"
    store = registry.store.client()
    keys = [entry["Key"] for entry in store.list_objects_v2(Bucket="mlflow", Prefix=prefix)["Contents"]]
    return {
        key.removeprefix(prefix): store.get_object(Bucket="mlflow", Key=key)["Body"].read()
        for key in keys
        if not key.endswith("/")
    }


def pinned(registry, location: str) -> str:
    return digest_of(asyncio.run(S3Source(registry.in_store(location), registry.store.options).list_files()))


def test_a_pod_without_store_credentials_fetches_the_pinned_files_by_presigned_urls(
    registry, odd: str, tmp_path: Path
):
    files, said = davit_fetch(
        tmp_path,
        DAVIT_FETCH_LOCATION=odd,
        DAVIT_FETCH_DIGEST=pinned(registry, odd),
        DAVIT_REGISTRY_URL=registry.url,
    )
    assert files == stored(registry, odd)
    assert said["checked_files"] == said["files"] - 1  # an empty file has nothing to check


def test_a_pod_with_store_credentials_fetches_the_same_files_directly(registry, odd: str, tmp_path: Path):
    files, said = davit_fetch(
        tmp_path,
        DAVIT_FETCH_LOCATION=registry.in_store(odd),
        DAVIT_FETCH_DIGEST=pinned(registry, odd),
        **registry.store.environment,
    )
    assert files == stored(registry, odd)
    assert said["checked_files"] == said["files"] - 1  # an empty file has nothing to check


def test_large_files_are_fetched_with_little_memory(registry, tmp_path: Path):
    content = os.urandom(1 << 20) * 200
    (tmp_path / "big").write_bytes(content)
    store = registry.store.client()
    store.put_object(Bucket="mlflow", Key="large/MLmodel", Body=b"flavors: {}\n")
    store.upload_file(str(tmp_path / "big"), "mlflow", "large/in-parts")
    store.put_object(Bucket="mlflow", Key="large/in-one", Body=content[: 40 << 20])
    listed = contents_of(asyncio.run(S3Source("s3://mlflow/large", registry.store.options).list_files()))
    assert listed.integrity is Integrity.CONTENT
    peak = tmp_path / "peak"
    # The peak that the kernel counts from exec on; rusage would begin with that of this process.
    measured = (
        "import shutil, sys; from davit_server.cli import main; code = main(['fetch']);"
        f"shutil.copy('/proc/self/status', {str(peak)!r}); sys.exit(code)"
    )
    large = {"DAVIT_FETCH_LOCATION": "s3://mlflow/large", "DAVIT_FETCH_DESTINATION": str(tmp_path / "model")}
    subprocess.run(
        [sys.executable, "-c", measured], env=os.environ | registry.store.environment | large, check=True
    )
    assert (tmp_path / "model" / "in-parts").read_bytes() == content
    assert (tmp_path / "model" / "in-one").read_bytes() == content[: 40 << 20]
    assert json.loads((tmp_path / "model" / ".davit" / "report.json").read_text())["checked_files"] == 2
    kilobytes = int(peak.read_text().split("VmHWM:")[1].split()[0])
    assert kilobytes < 150 * 1024


@pytest.fixture
def laptop(registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.url)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_laptop_needs_only_the_registrys_url(registry, laptop):
    found = resolve_and_fetch("models:/iris@champion")
    assert (found.source.name, found.source.version) == ("iris", "1")
    assert found.digest == pinned(
        registry, f"mlflow-artifacts:/0/models/{registry.made['first']['model']}/artifacts"
    )
    assert (found.path / "MLmodel").is_file()
    same = resolve_and_fetch("models:/iris/1")
    assert (same.path, same.source.identity) == (found.path, found.source.identity)


def test_two_versions_never_share_a_cache_folder(registry, laptop):
    folders: list[LocalModel] = [resolve_and_fetch(f"models:/iris/{version}") for version in (1, 2)]
    made = [registry.made[which]["run"] for which in ("first", "second")]
    for found, run in zip(folders, made, strict=True):
        assert f"run_id: {run}" in (found.path / "MLmodel").read_text()


def test_a_laptop_gets_an_error_that_names_what_is_missing(registry, laptop):
    with pytest.raises(LookupError, match="alias 'nobody' does not exist"):
        resolve_and_fetch("models:/iris@nobody")
