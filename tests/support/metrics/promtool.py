"""promtool, which checks rules and queries, extracted from Debian's package without installing a server."""

import fcntl
import shutil
import subprocess
from functools import cache
from pathlib import Path

from devcluster.binaries.cache import cache_root


def promtool(*arguments: str | Path) -> str:
    """Runs promtool and returns what it prints; an `AssertionError` with it when promtool complains."""
    done = subprocess.run(
        [prometheus_program("promtool"), *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@cache
def prometheus_program(name: str) -> Path:
    """The path of `promtool` or `prometheus`: this system's, else out of Debian's package."""
    if (installed := shutil.which(name)) is not None:
        return Path(installed)
    folder = cache_root() / "promtool"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        program = folder / "usr/bin" / name
        if not program.exists():
            _unpack(folder)
    return program


def _unpack(folder: Path) -> None:
    assert shutil.which("apt-get"), (
        "promtool is missing; install Prometheus with this system's package manager"
    )
    for command in (["apt-get", "update", "--quiet"], ["apt-get", "download", "--quiet", "prometheus"]):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=600)
    [package] = folder.glob("prometheus_*.deb")
    subprocess.run(["dpkg-deb", "--extract", package, folder], check=True, capture_output=True, timeout=120)
    package.unlink()
