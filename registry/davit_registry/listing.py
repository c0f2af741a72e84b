"""The files of a model, and the one number that stands for all of them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass


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
    """The digest of a model: two locations with one digest hold the same bytes.

    SHA-256 over one line per file, path, size and entity tag separated by NUL, the lines sorted by their
    UTF-8 bytes. It never depends on the order of a listing or on the locale.
    """
    lines = sorted(f"{file.path}\0{file.size}\0{file.etag}\n".encode() for file in files)
    return "sha256:" + hashlib.sha256(b"".join(lines)).hexdigest()


def bare_etag(header: str) -> str:
    """An entity tag as listings and digests use it: no quotes, no weakness mark."""
    return header.removeprefix("W/").strip('"')
