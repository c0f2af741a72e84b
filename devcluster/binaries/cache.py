"""The cache of built programs: one folder per program, version and build inputs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from devcluster.binaries.catalog import Binary

MODULES = Path(__file__).parent / "modules"


def cache_root(environment: Mapping[str, str] | None = None) -> Path:
    """Return Davit's folder in the user's cache, as the XDG base directory specification defines it."""
    environment = os.environ if environment is None else environment
    base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME", "/root")) / ".cache"
    return Path(base) / "davit"


def cached_path(
    binary: Binary, go_version: str, *, modules: Path = MODULES, root: Path | None = None
) -> Path:
    """Return the path of a program, built or not.

    The folder's name changes with the module's go.mod, go.sum and Go sources, with the Go version and
    with the linker flags, so a stale program is never found.
    """
    key = _digest(binary, go_version, modules / binary.module)
    folder = (root or cache_root()) / "binaries" / f"{binary.name}-{binary.version}-{key}"
    return folder / binary.name


def _digest(binary: Binary, go_version: str, module: Path) -> str:
    digest = hashlib.sha256(f"{binary.package}\0{binary.linker_flags}\0{go_version}".encode())
    sources = [module / "go.mod", module / "go.sum", *sorted(module.glob("*.go"))]
    for source in sources:
        if source.exists():  # a module without dependencies has no go.sum
            digest.update(f"\0{source.name}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:16]
