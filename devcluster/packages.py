"""Debian packages that this machine lacks, installed where that is possible."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devcluster import progress
from devcluster.binaries.cache import cache_root
from devcluster.commands import run
from devcluster.errors import DevclusterError

_UPDATE_SECONDS = 10 * 60.0
_INSTALL_SECONDS = 20 * 60.0


def install_missing(programs: Mapping[str, str]) -> None:
    """Install the packages whose programs are missing.

    Args:
        programs: Program on PATH, or absolute path of a file, and the Debian package that has it.

    Raises:
        DevclusterError: Something is missing and cannot be installed; the message says what and how.
    """
    if not missing_packages(programs):
        return
    with _exclusively():
        missing = missing_packages(programs)  # another command may have installed them while this one waited
        if missing:
            _install(missing)


def missing_packages(programs: Mapping[str, str]) -> list[str]:
    """Names of the packages whose programs are not on this machine."""
    return sorted({package for what, package in programs.items() if not _is_there(what)})


def _install(missing: list[str]) -> None:
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if shutil.which("apt-get") is None:
        raise DevclusterError(f"missing on this machine: {', '.join(missing)} (on Debian: {command})")
    progress.step(f"installing Debian packages: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(["apt-get", "-qq", "update"], environment=environment, timeout=_UPDATE_SECONDS)
        install = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *missing]
        run(install, environment=environment, timeout=_INSTALL_SECONDS)
    except DevclusterError as error:
        raise DevclusterError(f"could not install packages ({error}); by hand: {command}") from error


def _is_there(what: str) -> bool:
    if what.startswith("/"):
        return Path(what).exists()
    return shutil.which(what) is not None


@contextmanager
def _exclusively() -> Iterator[None]:
    """Let one command at a time use apt-get, which fails instead of waiting for another."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / "packages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
