"""The folder that a model is brought into: emptied, filled, and marked when it is complete."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from davit_registry import File
from davit_registry.errors import Failure

from davit_server.artifacts.journal import Journal, JournalHeader, boot_id
from davit_server.artifacts.verify import STAGE, WORK
from davit_server.errors import ModelRejected

_NOT_OURS = {"lost+found"}  # what file systems put into their root


class Destination:
    """A folder for one model, and nothing but that model and our own folder beside it.

    Args:
        path: The folder; made when missing.
        survives_restarts: Whether completeness still counts after the machine was restarted. Then all is
            flushed to the disk at the end, which may take longer than the download.
    """

    def __init__(self, path: Path, *, survives_restarts: bool = False) -> None:
        self.path = path
        self._flushes = survives_restarts
        self._boot = "" if survives_restarts else boot_id()
        self._mark = path / WORK / "complete"

    def is_complete(self, digest: str, files: Sequence[File]) -> bool:
        """Whether an earlier fetch of the same files came to its end here, and they are still there."""
        try:
            mark = json.loads(self._mark.read_text())
        except (OSError, ValueError):
            return False
        return bool(mark == self._title(digest)) and all(self.has(file) for file in files)

    def has(self, file: File) -> bool:
        """Whether a file is on disk as long as it was listed."""
        try:
            return (self.path / file.path).stat().st_size == file.size
        except OSError:
            return False

    def missing_bytes(self, files: Sequence[File]) -> int:
        """Return how many bytes are missing on the disk; sparse files count for what they hold."""
        return sum(max(0, file.size - self._held_bytes(file)) for file in files)

    @contextmanager
    def prepared(self, digest: str, location: str, part_bytes: int) -> Iterator[Journal]:
        """Prepare to fetch, or to go on with what an earlier container began, as long as the context lasts.

        Raises:
            ModelRejected: There are other files in the folder, or another process fills it.
            OSError: The disk cannot be written.
        """
        self._claim()
        with self._locked():
            journal = Journal(
                self.path / WORK / "journal", JournalHeader(digest, location, part_bytes, boot_id())
            )
            self._mark.unlink(missing_ok=True)
            if journal.is_new:
                self._empty()
            with journal.writing():
                yield journal

    def complete(self, digest: str, files: Sequence[File]) -> None:
        """Leave the mark of completeness, atomically.

        Raises:
            OSError: The disk cannot be written.
        """
        if self._flushes:
            for file in files:
                _flush(self.path / file.path)
        half = self._mark.with_suffix(".part")
        half.write_text(json.dumps(self._title(digest)))
        if self._flushes:
            _flush(half)
        half.rename(self._mark)

    def _claim(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        if not (self.path / WORK).exists() and self._entries():
            raise ModelRejected(
                STAGE,
                "DestinationNotEmpty",
                f"{self.path} holds files that no fetch has brought",
                "give an empty folder: what is in it would be deleted",
            )
        (self.path / WORK).mkdir(exist_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Lock the folder: two processes that fill it would spoil each other's files."""
        with (self.path / WORK / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ModelRejected(
                    STAGE,
                    "DestinationBusy",
                    f"another process is filling {self.path}",
                    "try again when it is done",
                    Failure.WAITING,
                ) from error
            yield

    def _held_bytes(self, file: File) -> int:
        try:
            return (self.path / file.path).stat().st_blocks * 512
        except OSError:
            return 0

    def leave_report(self, report: dict[str, Any]) -> None:
        """Leave a report on the fetch for the server.

        Raises:
            OSError: The disk cannot be written.
        """
        (self.path / WORK / "report.json").write_text(json.dumps(report))

    def _title(self, digest: str) -> dict[str, str]:
        return {"digest": digest, "boot": self._boot}

    def _entries(self) -> list[Path]:
        return [entry for entry in self.path.iterdir() if entry.name not in {WORK, *_NOT_OURS}]

    def _empty(self) -> None:
        for entry in self._entries():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()


def _flush(path: Path) -> None:
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
