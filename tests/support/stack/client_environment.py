"""Python environments with one client of MLflow each, made by uv and kept in Davit's cache."""

import hashlib
import os
import sys
from pathlib import Path

from devcluster.binaries.cache import cache_root
from devcluster.commands import run

SECONDS = 15 * 60.0


def client_environment(requirements: Path) -> Path:
    """The folder of an environment that has what the file says, all of it pinned."""
    key = hashlib.sha256(f"{sys.version}\0".encode() + requirements.read_bytes()).hexdigest()[:16]
    folder = cache_root() / "environments" / f"{requirements.stem}-{key}"
    complete = folder / ".complete"
    if not complete.exists():
        uv, python = find_uv(), str(folder / "bin" / "python")
        run([uv, "venv", "--quiet", "--seed", "--clear", "--python", sys.executable, str(folder)])
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
        run([*install, "--no-deps", "--requirement", str(requirements)], timeout=SECONDS)
        complete.touch()
    return folder


def find_uv() -> str:
    """The uv that `make env` has installed."""
    return os.environ.get("UV") or str(max(cache_root().glob("uv-*/bin/uv")))
