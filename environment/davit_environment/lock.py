"""The author's own lock: what a `uv.lock` inside a model pins."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from davit_environment.errors import Place, unreadable_file
from davit_environment.text import LOCK_BYTES, read_text

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LOCK = "uv.lock"
_FORMAT = 1
_DOTS = 300
"""In one line: uv's have a dozen, and keys with thousands of dots are read in quadratic time."""


@dataclass(frozen=True, order=True)
class LockedPackage:
    """One package of a lock.

    Attributes:
        name: Normalised.
        version: As locked; empty for a source folder without one.
        source: Where it comes from: registry, git, url, path, editable, directory or virtual.
        hashes: Of its files, sorted.
    """

    name: str
    version: str
    source: str
    hashes: tuple[str, ...]


def read_lock(data: bytes, file: str = LOCK) -> tuple[LockedPackage, ...]:
    """Parse a lock; packages are sorted. Of its URLs nothing is kept.

    Raises:
        UnusableError: It is too large, not TOML, or of another format than version 1.
    """
    text = read_text(file, data, LOCK_BYTES)
    cure = "log the model again with MLFLOW_LOG_UV_FILES=false, or with a current uv"
    if max(line.count(".") for line in text.split("\n")) > _DOTS:
        raise unreadable_file(Place(file), f"has a line with more than {_DOTS} dots", cure)
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        raise unreadable_file(Place(file), "is not TOML", cure) from None
    if content.get("version") != _FORMAT:
        raise unreadable_file(Place(file), f"is not of format version {_FORMAT}", cure)
    packages = content.get("package", [])
    if not isinstance(packages, list) or not all(_is_package(entry) for entry in packages):
        raise unreadable_file(Place(file), "has packages without name or source", cure)
    return tuple(sorted(_package(entry) for entry in packages))


def _is_package(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(entry.get("version", ""), str)
        and isinstance(entry.get("source"), dict)
        and len(entry["source"]) > 0
    )


def _package(entry: dict[str, Any]) -> LockedPackage:
    listed = entry.get("wheels", [])
    files = [*(listed if isinstance(listed, list) else []), entry.get("sdist")]
    hashes = {file["hash"] for file in files if isinstance(file, dict) and isinstance(file.get("hash"), str)}
    source = min(entry["source"])
    return LockedPackage(
        canonicalize_name(entry["name"]), entry.get("version", ""), source, tuple(sorted(hashes))
    )
