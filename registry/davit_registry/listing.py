"""The files of a model, and the one number that stands for all of them."""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from davit_registry.errors import InvalidReference, NotFound

MOST_FILES = 100_000
_TAG_OF_CONTENT = re.compile("[0-9a-fA-F]{32}(-[1-9][0-9]*)?")
"""S3's: the MD5, or for an upload in parts the MD5 of the parts' MD5s and their number."""


class Integrity(StrEnum):
    """What an equal digest proves about the files of a model."""

    CONTENT = "Content"
    """The same bytes: each file's entity tag depends on its content."""
    LISTING = "Listing"
    """The same paths and sizes: the store gives no entity tags, or none known to depend on content."""


class Contents(NamedTuple):
    """The digest of a model, and what an equal one proves."""

    digest: str
    integrity: Integrity


@dataclass(frozen=True, slots=True, order=True)
class File:
    """One file of a model as its store describes it.

    Attributes:
        path: Relative to the model's location, parts separated by `/`.
        size: Bytes.
        etag: The store's entity tag without quotes; empty when the store gives none.
    """

    path: str
    size: int
    etag: str


def digest_of(files: Iterable[File]) -> str:
    """Compute the digest of a model. What two equal ones prove depends on the store: see `contents_of`.

    SHA-256 over one line per file, path, size and entity tag separated by NUL, the lines sorted by their
    UTF-8 bytes. It never depends on the order of a listing or on the locale.
    """
    lines = sorted(f"{file.path}\0{file.size}\0{file.etag}\n".encode() for file in files)
    return "sha256:" + hashlib.sha256(b"".join(lines)).hexdigest()


def contents_of(files: Collection[File]) -> Contents:
    """Compute the digest of a model, with what it proves.

    Equal digests of integrity `Content` mean the same bytes. An entity tag in S3's form counts as one of the
    content also where a store encrypts with its own keys: it is then no MD5, but made anew for every upload.
    """
    proven = all(not file.size or _TAG_OF_CONTENT.fullmatch(file.etag) for file in files)
    return Contents(digest_of(files), Integrity.CONTENT if proven else Integrity.LISTING)


def bare_etag(header: str) -> str:
    """Return an entity tag as listings and digests use it: without quotes and weakness mark."""
    return header.removeprefix("W/").strip('"')


class Listing:
    """Collects the files at a location, and keeps a mistaken one (a whole bucket) from filling the memory.

    Args:
        location: What messages call it.
    """

    def __init__(self, location: str) -> None:
        self._location = location
        self._files: list[File] = []

    def add(self, file: File) -> None:
        """Add one file.

        Raises:
            InvalidReference: There are more than a model ever has.
        """
        if len(self._files) == MOST_FILES:
            raise InvalidReference(
                f"there are more than {MOST_FILES} files at {self._location}",
                reason="LocationTooLarge",
                cure="refer to the folder of one model, the one with the MLmodel file",
            )
        self._files.append(file)

    def files(self) -> list[File]:
        """Return all files, sorted by path.

        Raises:
            NotFound: There are none.
        """
        if not self._files:
            raise NotFound(
                f"there are no files at {self._location}",
                reason="LocationEmpty",
                cure="the model's files were deleted or never uploaded; log and register the model again",
            )
        return sorted(self._files)
