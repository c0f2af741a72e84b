"""Builds programs with Go, once."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

from devcluster import progress
from devcluster.binaries.cache import MODULES, cache_root, cached_path
from devcluster.binaries.catalog import Binary, binary
from devcluster.commands import CommandFailed, run
from devcluster.errors import DevclusterError

_GO_PLACES = ("/usr/local/go/bin/go", "/usr/lib/go/bin/go", "/snap/bin/go")
_BUILD_SECONDS = 60 * 60
_UNREACHABLE = ("dial tcp", "no such host", "i/o timeout", "connection refused", "TLS handshake timeout")


def ensure_binary(name: str) -> Path:
    """Return the path of a program; build it when the cache does not have it.

    Raises:
        DevclusterError: The program is unknown, Go is missing, no module proxy answers, or Go refuses.
    """
    return ensure_binaries([name])[0]


def ensure_binaries(names: Iterable[str]) -> list[Path]:
    """Return the paths of programs, building those that the cache lacks.

    Programs of one module are built in one run of Go: it compiles what they share once, and compiles for one
    while it links another.

    Raises:
        DevclusterError: As for `ensure_binary`.
    """
    wanted = {binary(name): cached_path(binary(name), _go_version()) for name in names}
    for module, name in dict.fromkeys(_run_of(program) for program in _missing(wanted)):
        with _exclusively(module):
            # Asked again: another build may have ended while this one waited.
            _build([program for program in _missing(wanted) if _run_of(program) == (module, name)])
    return list(wanted.values())


def build_command(go: str, programs: Sequence[Binary], folder: Path) -> list[str]:
    """Return the Go command line: reproducible paths, committed checksums, no symbols, low priority.

    Args:
        go: Go's own path.
        programs: All of one module.
        folder: Where Go puts each program, under the last part of its package's name.
    """
    flags = [f"-ldflags={program.package}={f'-s -w {program.linker_flags}'.strip()}" for program in programs]
    return [
        *("nice", "-n", "10", go, "build"),
        *("-mod=readonly", "-trimpath", "-buildvcs=false", *flags),
        "-gcflags=all=-dwarf=false",  # -w would drop what a tenth of the compiler's time goes into
        *("-o", str(folder), *(program.package for program in programs)),
    ]


def _run_of(program: Binary) -> tuple[str, str]:
    """Return what the programs of one run of Go have in common."""
    return program.module, program.name if program.alone else ""


def _missing(wanted: Mapping[Binary, Path]) -> list[Binary]:
    return [program for program, path in wanted.items() if not path.exists()]


def _build(programs: list[Binary]) -> None:
    if not programs:
        return
    names = ", ".join(f"{program.name} {program.version}" for program in programs)
    minutes = ceil(sum(program.minutes for program in programs))
    progress.step(f"building {names} (once; about {max(minutes, 1)} min on two idle cores)")
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    with TemporaryDirectory(prefix=".unfinished.", dir=_folder()) as unfinished:
        try:
            run(
                build_command(_go(), programs, Path(unfinished)),
                environment=environment,
                directory=str(MODULES / programs[0].module),
                timeout=_BUILD_SECONDS,
            )
        except CommandFailed as failure:
            raise _explain(", ".join(program.name for program in programs), failure) from None
        for program in programs:
            target = cached_path(program, _go_version())
            target.parent.mkdir(parents=True, exist_ok=True)
            (Path(unfinished) / program.name).replace(target)


def _explain(names: str, failure: CommandFailed) -> DevclusterError:
    if any(sign in failure.output for sign in _UNREACHABLE):
        return DevclusterError(
            f"building {names} needs a Go module proxy and none answers: "
            "check the network, or set GOPROXY to one that does"
        )
    return DevclusterError(f"Go could not build {names}: {failure.output.strip().splitlines()[-1]}")


@contextmanager
def _exclusively(module: str) -> Iterator[None]:
    with (_folder() / f".{module}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _folder() -> Path:
    folder = cache_root() / "binaries"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


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
