"""One Python environment per server, made by uv from pinned requirements and kept in the user's cache."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchFailed
from bench.places import REQUIREMENTS, ROOT, cache

PYTHON = "3.11"
"""As in Davit's image; one version for all."""

PEERS = ("mlflow", "fastapi", "mlserver")
DAVIT = "davit"


@dataclass(frozen=True, slots=True)
class Environment:
    """A finished environment.

    Attributes:
        name: `davit` or that of a requirements file.
        path: Its folder.
    """

    name: str
    path: Path

    def program(self, name: str) -> str:
        """Return the full path of a program in it."""
        return str(self.path / "bin" / name)


def prepare_environment(name: str) -> Environment:
    """Return the environment of that name; create it on first use.

    Davit itself is reinstalled each time, because the bench measures this checkout.

    Raises:
        BenchFailed: uv could not create it; the message contains uv's output.
    """
    wanted = _requirements(name)
    mark = hashlib.sha256(f"{PYTHON}\n{wanted}".encode()).hexdigest()[:12]
    found = Environment(name, cache() / "environments" / f"{name}-{mark}")
    if not (found.path / ".complete").exists():
        _make(found, wanted)
    if name == DAVIT:
        _uv("pip", "install", "--python", found.program("python"), "--no-deps", "--compile-bytecode",
            "--reinstall-package", "davit-serving", str(ROOT))  # fmt: skip
    return found


def _requirements(name: str) -> str:
    """Return the pins of an environment: a compiled file, or for Davit those of uv.lock."""
    if name != DAVIT:
        return (REQUIREMENTS / f"{name}.txt").read_text()
    locked = _uv("export", "--locked", "--no-hashes", "--no-annotate", "--no-header", "--no-emit-project",
                 "--extra", "server", "--extra", "models", "--extra", "onnx")  # fmt: skip
    return locked + (REQUIREMENTS / "models.in").read_text()


def _make(environment: Environment, requirements: str) -> None:
    """Create an environment; `.complete` is written last."""
    print(f"bench: installing {environment.path.name} (once)", flush=True)
    shutil.rmtree(environment.path, ignore_errors=True)
    _uv("venv", "--quiet", "--python", PYTHON, str(environment.path))
    listed = environment.path / "requirements.txt"
    listed.write_text(requirements)
    _uv("pip", "install", "--python", environment.program("python"), "--no-deps", "--compile-bytecode",
        "-r", str(listed))  # fmt: skip
    (environment.path / ".complete").touch()


def _uv(*arguments: str) -> str:
    """Run uv in the checkout and return what it printed.

    Raises:
        BenchFailed: uv is not installed, or failed.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        raise BenchFailed("uv is not installed: run the bench with `make bench`, which installs it.")
    done = subprocess.run([uv, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"uv {arguments[0]} failed:\n{done.stderr.strip()}")
    return done.stdout


def versions(environment: Environment, names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of some packages in an environment."""
    listed = _uv("pip", "list", "--quiet", "--python", environment.program("python"), "--format", "freeze")
    pinned = dict(line.split("==", 1) for line in listed.splitlines() if "==" in line)
    return {name: pinned[name] for name in names if name in pinned}
