"""What is checked: the list before anything is downloaded, every file's bytes afterwards."""

import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from davit_registry import File, digest_of

from davit_server.errors import ModelRejected

STAGE = "fetch"
_MD5 = re.compile("[0-9a-f]{32}")
_BLOCK = 1 << 20
# With these the entity tag is no MD5 of the content (AWS, "Checking object integrity").
_OPAQUE = {"aws:kms", "aws:kms:dsse"}


def require_digest(files: Sequence[File], wanted: str, location: str) -> str:
    """The digest of the files, which must be the pinned one if there is one.

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
    """Refuses a location without an MLmodel file, and paths that lead out of the destination.

    Raises:
        ModelRejected: So it is.
    """
    for file in files:
        if {"", ".", ".."} & set(file.path.split("/")) or "\\" in file.path or "\0" in file.path:
            raise ModelRejected(
                STAGE,
                "UnsafePath",
                f"a file at {location} has a path that leads out of the model's folder",
                "log the model again with MLflow, and find out who wrote that file",
            )
    if all(file.path != "MLmodel" for file in files):
        raise ModelRejected(
            STAGE,
            "NotAModel",
            f"there is no MLmodel file at {location}",
            "point the reference at the folder that mlflow log_model wrote",
        )


def require_room(files: Sequence[File], destination: Path) -> None:
    """Refuses a model that the disk cannot hold.

    Raises:
        ModelRejected: It is larger than what is free.
    """
    missing = (
        sum(file.size for file in files if not (destination / file.path).exists())
        - shutil.disk_usage(destination).free
    )
    if missing > 0:
        raise disk_full(f"{missing} bytes are missing")


def disk_full(detail: str) -> ModelRejected:
    """The model's volume is full."""
    return ModelRejected(
        STAGE,
        "DiskFull",
        f"the model does not fit on the node's disk: {detail}",
        "free space on the node, or schedule the pods on nodes with more",
    )


def matches(path: Path, file: File, headers: Mapping[str, str]) -> bool:
    """Whether a downloaded file is what the store described: its size, and its MD5 where the tag is one.

    Args:
        path: The file on disk.
        file: What was listed.
        headers: Of the store's answer, which say when an entity tag is no MD5.
    """
    if path.stat().st_size != file.size:
        return False
    encrypted = headers.get("x-amz-server-side-encryption", "") in _OPAQUE or any(
        name.lower().startswith("x-amz-server-side-encryption-customer") for name in headers
    )
    if encrypted or not _MD5.fullmatch(file.etag):
        return True
    return _md5(path) == file.etag


def _md5(path: Path) -> str:
    summed = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            summed.update(block)
    return summed.hexdigest()
