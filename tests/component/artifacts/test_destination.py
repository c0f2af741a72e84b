"""Folders that are not ours, not free, not writable or too small."""

import errno
import fcntl
import shutil
from pathlib import Path

import pytest
from davit_server.artifacts.destination import Destination
from davit_server.errors import ModelRejected
from support.fakes.fetching import big, fetch, fetched, put_model, s3_source
from support.fakes.store_server import StoreServer


@pytest.fixture
def model(store: StoreServer) -> StoreServer:
    put_model(store, model=big(2))
    return store


async def test_foreign_files_are_never_deleted(model: StoreServer, tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(
        ModelRejected, match="holds files that no fetch has brought give an empty folder"
    ) as raised:
        await fetch(s3_source(model), tmp_path)
    assert raised.value.reason == "DestinationNotEmpty"
    assert fetched(tmp_path) == {"thesis.txt": b"years of work"}


async def test_the_root_of_a_new_volume_counts_as_empty(model: StoreServer, tmp_path: Path):
    (tmp_path / "lost+found").mkdir()
    await fetch(s3_source(model), tmp_path)
    assert set(fetched(tmp_path)) == {"MLmodel", "model"}
    assert (tmp_path / "lost+found").is_dir()


async def test_a_folder_is_made_when_it_is_missing(model: StoreServer, tmp_path: Path):
    await fetch(s3_source(model), tmp_path / "a" / "b")
    assert set(fetched(tmp_path / "a" / "b")) == {"MLmodel", "model"}


async def test_two_processes_cannot_fill_one_folder(model: StoreServer, tmp_path: Path):
    (tmp_path / ".davit").mkdir()
    with (tmp_path / ".davit" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ModelRejected, match="another process is filling") as raised:
            await fetch(s3_source(model), tmp_path)
    assert raised.value.reason == "DestinationBusy"


async def test_a_link_in_the_folder_is_removed_and_not_followed(model: StoreServer, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    destination = tmp_path / "model"
    (destination / ".davit").mkdir(parents=True)
    (destination / "link").symlink_to(elsewhere)
    await fetch(s3_source(model), destination)
    assert set(fetched(destination)) == {"MLmodel", "model"}
    assert fetched(elsewhere) == {"kept": b"kept"}


async def test_a_model_that_does_not_fit_is_refused_before_it_is_downloaded(
    model: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(ModelRejected, match=r"131084 bytes are to come, 1000 are free") as raised:
        await fetch(s3_source(model), tmp_path)
    assert raised.value.reason == "DiskFull"
    assert model.gets() == []


@pytest.mark.parametrize(
    ("number", "reason", "told"),
    [
        (errno.ENOSPC, "DiskFull", "it became full while the model was written"),
        (errno.EDQUOT, "DiskFull", "free space on the node"),
        (errno.EROFS, "DestinationNotWritable", "mount a volume there that this user may write"),
        (errno.EACCES, "DestinationNotWritable", "may not be written (no)"),
        (errno.EIO, "DiskFailed", "look into the node's disk"),
        (errno.ENAMETOOLONG, "DiskFailed", "file names must fit its file system"),
    ],
)
async def test_disk_errors_are_not_reported_as_store_errors(
    model: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str, told: str
):
    def refuse(path: Path, *_, **__) -> None:
        raise OSError(number, "no", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(ModelRejected) as raised:
        await fetch(s3_source(model), tmp_path)
    assert raised.value.reason == reason
    assert told in str(raised.value)


async def test_a_disk_that_fills_up_during_the_download_is_reported_with_the_cure(
    model: StoreServer, tmp_path: Path
):
    """A device that is always full stands where the file would be."""
    (tmp_path / ".davit").mkdir()
    full = Path("/dev/full")

    class Full(Destination):
        def _empty(self) -> None:
            (self.path / "model").symlink_to(full)

    source = s3_source(model)
    with pytest.raises(ModelRejected, match="became full while the model was written"):
        await fetch(source, tmp_path, destination=Full(tmp_path))


async def test_a_download_on_a_laptop_is_trusted_after_a_reboot(
    model: StoreServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    destination = Destination(tmp_path / "model", survives_restarts=True)
    await fetch(s3_source(model), tmp_path, destination=destination)
    (tmp_path / "boot_id").write_text("another start of the machine")
    monkeypatch.setattr("davit_server.artifacts.journal._BOOT_ID", tmp_path / "boot_id")
    report = await fetch(s3_source(model), tmp_path, destination=destination)
    assert report.received_bytes == 0
