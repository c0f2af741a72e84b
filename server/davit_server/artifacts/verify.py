"""What is checked: the list before anything is downloaded, every file's bytes while they come."""

import errno
import hashlib
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

from davit_registry import File, digest_of

from davit_server.errors import ModelRejected

STAGE = "fetch"
WORK = ".davit"
"""Folder beside the model's files for what is ours: the journal, and the mark of completeness."""
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def require_digest(files: Sequence[File], wanted: str, location: str) -> str:
    """Return the digest of the files, which must be the pinned one if there is one.

    Raises:
        ModelRejected: It is another.
    """
    digest = digest_of(files)
    if wanted and digest != wanted:
        raise ModelRejected(
            STAGE,
            "DigestMismatch",
            f"the files at {location} have digest {digest}, but {wanted} was pinned: they were changed, "
            "added or deleted after the version was resolved",
            "register the changed model as a new version, or restore the files",
        )
    return digest


def require_model(files: Sequence[File], location: str) -> None:
    """Reject a location without an MLmodel file, and paths that lead out of the destination.

    Raises:
        ModelRejected: It is such a one.
    """
    paths = {file.path for file in files}
    folders = {path[:at] for path in paths for at, sign in enumerate(path) if sign == "/"}
    if any(map(_leads_astray, paths)) or paths & folders:
        raise ModelRejected(
            STAGE,
            "UnsafePath",
            f"a file at {location} has a path that leads out of the model's folder, or is a folder as well",
            "log the model again with MLflow, and find out who wrote that file",
        )
    if "MLmodel" not in paths:
        nested = sorted(path.removesuffix("/MLmodel") for path in paths if path.endswith("/MLmodel"))
        hint = f": {nested[0]!r} in it is one" if len(nested) == 1 else ""
        raise ModelRejected(
            STAGE,
            "NotAModel",
            f"there is no MLmodel file at {location}",
            f"point the reference at the folder that mlflow's log_model wrote{hint}",
        )


def _leads_astray(path: str) -> bool:
    parts = path.split("/")
    return bool({"", ".", ".."} & set(parts)) or "\0" in path or parts[0] == WORK


def require_room(missing_bytes: int, destination: Path) -> None:
    """Reject what the disk cannot hold.

    Raises:
        ModelRejected: More is missing than is free.
    """
    free = shutil.disk_usage(destination).free
    if missing_bytes > free:
        raise _disk_full(f"{missing_bytes} bytes are to come, {free} are free")


def disk_trouble(error: OSError) -> ModelRejected:
    """Explain an error of the destination's disk."""
    path = Path(str(error.filename)).name if error.filename else "the model's folder"
    if error.errno in _NO_SPACE:
        return _disk_full("it became full while the model was written")
    if error.errno in _NOT_ALLOWED:
        return ModelRejected(
            STAGE,
            "DestinationNotWritable",
            f"{path} may not be written ({error.strerror})",
            "mount a volume there that this user may write",
        )
    return ModelRejected(
        STAGE,
        "DiskFailed",
        f"{path} cannot be written ({error.strerror})",
        "look into the node's disk; file names must fit its file system",
    )


def _disk_full(detail: str) -> ModelRejected:
    return ModelRejected(
        STAGE,
        "DiskFull",
        f"the model does not fit on the node's disk: {detail}",
        "free space on the node, or schedule the pods on nodes with more",
    )


def file_changed(path: str) -> ModelRejected:
    """Explain that a file is not the one that was listed a moment ago."""
    return ModelRejected(
        STAGE,
        "FileChanged",
        f"{path} was changed in the store during the download",
        "register the changed model as a new version, or restore the file",
    )


def content_mismatch(path: str) -> ModelRejected:
    """Explain that the bytes received do not have the checksum of the store."""
    return ModelRejected(
        STAGE,
        "ContentMismatch",
        f"the bytes of {path} do not have the checksum that the store gives for them",
        "the store or the network damages data: look into the store's log",
    )


class Checksum:
    """A checksum that is being computed.

    Args:
        expected: `ALGORITHM:HEX`, as a source's `choose_checksum` returns it.
    """

    def __init__(self, expected: str) -> None:
        kind, _, self._wanted = expected.partition(":")
        self._crc = 0
        self._hash = hashlib.new(kind, usedforsecurity=False) if kind != "crc32" else None

    def update(self, block: memoryview) -> None:
        """Add the next bytes."""
        if self._hash:
            self._hash.update(block)
        else:
            self._crc = zlib.crc32(block, self._crc)

    @property
    def is_right(self) -> bool:
        """Whether the bytes so far have the expected checksum."""
        return (self._hash.hexdigest() if self._hash else f"{self._crc:08x}") == self._wanted
