"""Stores that cut, throttle, refuse, change and damage."""

import base64
import hashlib
import zlib
from pathlib import Path

import pytest
from davit_registry import Denied, NotFound, Unavailable
from davit_server.artifacts.retry import RetryPolicy
from davit_server.errors import ModelRejected
from support.fakes.fetching import (
    HURRIED,
    MODEL,
    PART,
    big,
    fetch,
    fetched,
    proxy_source,
    put_model,
    s3_source,
)
from support.fakes.store_server import ROOT, Conversation, Stored, StoreServer


def cut(after: int):
    return lambda talk, stored: talk.cut(stored, after)


def status(code: int, **headers: str):
    return lambda talk, stored: talk.say(code, b"<Error/>", **headers)


def fine(talk: Conversation, stored: Stored) -> None:
    talk.answer(stored)


async def test_an_interrupted_download_resumes(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(1))
    store.troubles_of["model"].extend([cut(20_000), cut(30_000)])
    report = await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(1)
    asked = [seen.headers.get("Range") for seen in store.gets() if seen.key.endswith("/model")]
    assert asked == [None, f"bytes=20000-{PART - 1}", f"bytes=50000-{PART - 1}"]
    assert report.received_bytes == report.total_bytes
    assert report.checked_files == 2


async def test_an_interrupted_stream_without_ranges_restarts(store: StoreServer, tmp_path: Path):
    store.presigns = False
    put_model(store, model=big(3))
    store.streams_cut_after.extend([PART, 2 * PART])
    await fetch(proxy_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(3)
    assert len([seen for seen in store.seen if seen.path.endswith("m-1/artifacts/model")]) == 3


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
async def test_retry_after_of_the_store_is_obeyed(store: StoreServer, tmp_path: Path, code: int):
    put_model(store, model=big(8))
    store.troubles.extend([status(code, Retry_After="0")] * 3 + [fine, status(code)])
    await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(8)


async def test_a_slow_store_that_makes_progress_is_not_abandoned(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(1))
    store.troubles.extend([cut(1000)] * 3 * HURRIED.attempts)
    await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(1)


async def test_a_store_without_progress_is_abandoned_with_the_cure(store: StoreServer, tmp_path: Path):
    put_model(store)
    store.troubles.extend([status(503)] * 50)
    with pytest.raises(
        Unavailable, match=r"MLmodel could not be downloaded in 4 attempts .*status 503"
    ) as raised:
        await fetch(s3_source(store), tmp_path)
    assert raised.value.reason == "StoreUnreachable"
    assert "can be reached" in raised.value.cure
    assert len(store.gets()) == HURRIED.attempts


async def test_a_store_that_is_down_at_the_start_is_retried(store: StoreServer, tmp_path: Path):
    put_model(store)
    store.proxy_refusals.extend([(503, {}), (502, {})])
    await fetch(proxy_source(store), tmp_path)
    assert fetched(tmp_path) == {"MLmodel": b"flavors: {}\n"}


async def test_an_expired_presigned_url_is_renewed(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(4))
    store.troubles.extend([fine, status(403), status(400)])
    await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(4)


async def test_a_permanent_rejection_differs_from_an_outage(store: StoreServer, tmp_path: Path):
    put_model(store)
    store.troubles.extend([status(403)] * 50)
    with pytest.raises(Denied, match="refuses to hand out MLmodel; check that the keys") as raised:
        await fetch(s3_source(store), tmp_path)
    assert raised.value.reason == "StoreDenied"


async def test_a_bucket_in_another_region_is_reported_with_that_region(store: StoreServer, tmp_path: Path):
    put_model(store)
    store.troubles.append(status(301, x_amz_bucket_region="eu-central-1"))
    with pytest.raises(Denied, match="set AWS_REGION to eu-central-1"):
        await fetch(s3_source(store), tmp_path)


async def test_a_file_that_was_deleted_meanwhile_is_named(store: StoreServer, tmp_path: Path):
    put_model(store)
    store.troubles.append(status(404))
    with pytest.raises(NotFound, match="MLmodel is gone from the store") as raised:
        await fetch(s3_source(store), tmp_path)
    assert raised.value.reason == "FileMissing"


def replaced(content: bytes):
    """The object becomes another after the list was read."""

    def change(talk: Conversation, stored: Stored) -> None:
        talk.answer(Stored(content))

    return change


def replaced_without_heed_of_if_match(content: bytes):
    def change(talk: Conversation, stored: Stored) -> None:
        talk.headers["If-Match"] = "*"
        talk.headers.replace_header("If-Match", "*")
        talk.answer(Stored(content))

    return change


@pytest.mark.parametrize("change", [replaced, replaced_without_heed_of_if_match])
async def test_a_file_that_changes_during_the_download_is_rejected(
    store: StoreServer, tmp_path: Path, change
):
    put_model(store, model=big(3))
    store.troubles.extend([fine, change(big(3)[::-1])])
    with pytest.raises(ModelRejected, match="was changed in the store during the download") as raised:
        await fetch(s3_source(store), tmp_path)
    assert raised.value.reason == "FileChanged"


@pytest.mark.parametrize("content", [b"short", b"flavors: {}\n and more"])
async def test_a_stream_of_unexpected_length_is_rejected(store: StoreServer, tmp_path: Path, content: bytes):
    """Without entity tags the length is all that can tell."""
    store.presigns = False
    put_model(store)
    source = proxy_source(store)
    files = await source.list_files()

    async def listed():
        return files

    source.list_files = listed  # what was listed before the change
    store.put(f"{ROOT}{MODEL}/MLmodel", content)
    with pytest.raises((ModelRejected, Unavailable), match=r"was changed|could not be downloaded"):
        await fetch(source, tmp_path)


def damaged(talk: Conversation, stored: Stored) -> None:
    """All of it: whichever part comes first has to be hit."""
    talk.answer(stored, bytes(byte ^ 1 for byte in stored.content))


async def test_damage_in_transit_is_detected_and_retried(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(3))
    store.troubles.append(damaged)
    report = await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(3)
    assert report.received_bytes > report.total_bytes


async def test_permanent_damage_is_rejected(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(3))
    store.troubles.extend([damaged] * 50)
    with pytest.raises(ModelRejected, match="do not have the checksum that the store gives") as raised:
        await fetch(s3_source(store), tmp_path)
    assert raised.value.reason == "ContentMismatch"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-server-side-encryption": "aws:kms"},
        {"X-Amz-Server-Side-Encryption": "aws:kms:dsse"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
        {"x-amz-storage-class": "EXPRESS_ONEZONE"},
    ],
)
async def test_an_etag_that_is_no_checksum_is_not_verified(store: StoreServer, tmp_path: Path, headers):
    put_model(store)
    store.put(f"{ROOT}{MODEL}/secret", big(2), etag="0" * 32, headers=headers)
    report = await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["secret"] == big(2)
    assert report.checked_files == 1


@pytest.mark.parametrize(
    ("kind", "total"),
    [
        ("crc32", zlib.crc32(b"123456789").to_bytes(4, "big")),
        ("sha1", hashlib.sha1(b"123456789", usedforsecurity=False).digest()),
        ("sha256", hashlib.sha256(b"123456789").digest()),
    ],
)
async def test_a_checksum_header_of_the_store_is_verified(
    store: StoreServer, tmp_path: Path, kind: str, total: bytes
):
    header = {f"x-amz-checksum-{kind}": base64.b64encode(total).decode()}
    put_model(store)
    store.put(f"{ROOT}{MODEL}/sum", b"123456789", etag="opaque", headers=header)
    assert (await fetch(s3_source(store), tmp_path / "good")).checked_files == 2
    store.put(f"{ROOT}{MODEL}/sum", b"987654321", etag="opaque", headers=header)
    with pytest.raises(ModelRejected, match="the bytes of sum do not have the"):
        await fetch(s3_source(store), tmp_path / "bad")


async def test_a_store_that_ignores_ranges_is_detected(store: StoreServer, tmp_path: Path):
    def whole(talk: Conversation, stored: Stored) -> None:
        talk.say(200, stored.content, ETag=f'"{stored.etag}"')

    put_model(store, model=big(2))
    store.troubles.extend([whole] * 5)
    with pytest.raises(Unavailable, match="ignores that only a part of model was requested"):
        await fetch(s3_source(store), tmp_path)


def gone_when_parts_are_noted(journal: Path, count: int):
    """The container fails, but not before so many parts are on the disk."""

    def refuse(talk: Conversation, stored: Stored) -> None:
        while journal.read_text().count('"part"') < count and not talk.store.released.wait(0.01):
            pass
        talk.say(404)

    return refuse


async def failed(store: StoreServer, path: Path) -> None:
    """A container that brings three parts of six, and fails."""
    put_model(store, model=big(6), other=big(0.5))
    refuse = gone_when_parts_are_noted(path / ".davit" / "journal", 3)
    store.troubles_of["model"].extend([fine, fine, fine, refuse, refuse, refuse])
    store.troubles_of["other"].append(refuse)
    store.troubles_of["MLmodel"].append(refuse)
    with pytest.raises(NotFound):
        await fetch(s3_source(store), path)
    store.troubles_of.clear()


async def test_a_restarted_container_downloads_only_missing_parts(store: StoreServer, tmp_path: Path):
    await failed(store, tmp_path)
    report = await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path) == {"MLmodel": b"flavors: {}\n", "model": big(6), "other": big(0.5)}
    assert report.received_bytes == report.total_bytes - 3 * PART
    assert report.checked_files == 3


async def test_a_truncated_journal_line_is_ignored(store: StoreServer, tmp_path: Path):
    await failed(store, tmp_path)
    journal = tmp_path / ".davit" / "journal"
    journal.write_text(journal.read_text().rstrip()[:-3])
    report = await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(6)
    assert report.received_bytes == report.total_bytes - 2 * PART


async def test_an_invalid_journal_is_discarded(store: StoreServer, tmp_path: Path):
    await failed(store, tmp_path)
    (tmp_path / ".davit" / "journal").write_bytes(b"\xff\x00 nonsense\n{}\n")
    report = await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(6)
    assert report.received_bytes == report.total_bytes


async def test_files_of_an_earlier_container_are_verified_too(store: StoreServer, tmp_path: Path):
    await failed(store, tmp_path)
    with (tmp_path / "model").open("r+b") as stream:
        stream.write(b"rot" * PART)
    await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(6)


async def test_a_complete_model_is_not_downloaded_again(store: StoreServer, tmp_path: Path):
    put_model(store, model=big(2))
    first = await fetch(s3_source(store), tmp_path)
    store.seen.clear()
    second = await fetch(s3_source(store), tmp_path)
    assert (second.received_bytes, second.digest) == (0, first.digest)
    assert store.gets() == []


@pytest.mark.parametrize("loss", [lambda file: file.unlink(), lambda file: file.write_bytes(b"short")])
async def test_a_missing_file_of_a_complete_model_is_downloaded_again(
    store: StoreServer, tmp_path: Path, loss
):
    put_model(store, model=big(2), other=b"other")
    await fetch(s3_source(store), tmp_path)
    loss(tmp_path / "model")
    report = await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path)["model"] == big(2)
    assert report.received_bytes == len(big(2))


async def test_a_different_model_replaces_all_files(store: StoreServer, tmp_path: Path):
    put_model(store, code__old=b"old", model=big(2))
    await fetch(s3_source(store), tmp_path)
    store.objects.clear()
    put_model(store, code__new=b"new", model=b"shorter")
    await fetch(s3_source(store), tmp_path)
    assert fetched(tmp_path) == {"MLmodel": b"flavors: {}\n", "code/new": b"new", "model": b"shorter"}


async def test_files_from_before_a_reboot_are_verified_again(
    store: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    put_model(store, model=big(2))
    await fetch(s3_source(store), tmp_path / "model")
    (tmp_path / "boot_id").write_text("another start of the machine")
    monkeypatch.setattr("davit_server.artifacts.journal._BOOT_ID", tmp_path / "boot_id")
    report = await fetch(s3_source(store), tmp_path / "model")
    assert report.received_bytes == report.total_bytes


async def test_retry_delays_grow_and_respect_retry_after():
    policy = RetryPolicy(first_seconds=1, longest_seconds=10)
    assert all(0.5 <= policy.pause_seconds(1) <= 1 for _ in range(50))
    assert all(4 <= policy.pause_seconds(4) <= 8 for _ in range(50))
    assert all(5 <= policy.pause_seconds(40) <= 10 for _ in range(50))
    assert policy.pause_seconds(1, 7.5) == 7.5
    assert policy.pause_seconds(1, 3600) == 10
