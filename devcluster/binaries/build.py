"""Builds a program with Go, once."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from devcluster import progress
from devcluster.binaries.cache import MODULES, cache_root, cached_path
from devcluster.binaries.catalog import Binary, binary
from devcluster.commands import CommandFailed, run
from devcluster.errors import DevclusterError

_GO_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go", "/snap/bin/go")
_BUILD_SECONDS = 40 * 60
_UNREACHABLE = ("dial tcp", "no such host", "i/o timeout", "connection refused", "TLS handshake timeout")


def ensure_binary(name: str) -> Path:
    """Return the path of a program; build it when the cache does not have it.

    Raises:
        DevclusterError: The program is unknown, Go is missing, no module proxy answers, or Go refuses.
    """
    wanted = binary(name)
    target = cached_path(wanted, _go_version())
    if target.exists():
        return target
    with _exclusively(wanted):
        if not target.exists():  # another build may have ended while this one waited
            _build(wanted, target)
    return target


def build_command(go: str, wanted: Binary, output: Path) -> list[str]:
    """Return the Go command line: reproducible paths, committed checksums, no symbols, low priority."""
    flags = f"-s -w {wanted.linker_flags}".strip()
    return [
        *("nice", "-n", "10", go, "build"),
        *(
            "-mod=readonly",
            "-trimpath",
            "-buildvcs=false",
            "-ldflags",
            flags,
            "-o",
            str(output),
            wanted.package,
        ),
    ]


def _build(wanted: Binary, target: Path) -> None:
    progress.step(f"building {wanted.name} {wanted.version} (once; up to {wanted.minutes} min on two cores)")
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    try:
        run(
            build_command(_go(), wanted, unfinished),
            environment=environment,
            directory=str(MODULES / wanted.module),
            timeout=_BUILD_SECONDS,
        )
        unfinished.replace(target)
    except CommandFailed as failure:
        raise _explain(wanted, failure) from None
    finally:
        unfinished.unlink(missing_ok=True)


def _explain(wanted: Binary, failure: CommandFailed) -> DevclusterError:
    if any(sign in failure.output for sign in _UNREACHABLE):
        return DevclusterError(
            f"building {wanted.name} needs a Go module proxy and none answers: "
            "check the network, or set GOPROXY to one that does"
        )
    return DevclusterError(f"Go could not build {wanted.name}: {failure.output.strip().splitlines()[-1]}")


@contextmanager
def _exclusively(wanted: Binary) -> Iterator[None]:
    folder = cache_root() / "binaries"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{wanted.module}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def _go() -> str:
    found = shutil.which("go") or next((place for place in _GO_PLACES if Path(place).exists()), None)
    if found is None:
        raise DevclusterError(
            "Go is not installed: get it from https://go.dev/dl (1.26.4 or newer) or your package manager"
        )
    return found


@cache
def _go_version() -> str:
    return f"{run([_go(), 'env', 'GOVERSION']).strip()} {platform.machine()}"
