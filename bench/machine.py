"""Describes the machine."""

import datetime as dt
import os
import platform
import re
import subprocess
from pathlib import Path

from bench.environments import Environment, versions
from bench.errors import BenchFailed
from bench.places import ROOT
from bench.results import Machine

REPORTED = ("mlflow", "mlflow-skinny", "scikit-learn", "lightgbm", "numpy", "pandas", "fastapi", "starlette",
        "uvicorn", "uvloop", "mlserver", "onnxruntime")  # fmt: skip


def require_two_cores() -> None:
    """Require one core for the server and one for the load.

    Raises:
        BenchFailed: This machine, or the set of CPUs that this process may use, has fewer.
    """
    if not {0, 1} <= os.sched_getaffinity(0):
        raise BenchFailed("the bench needs CPU 0 for the server and CPU 1 for the load generator.")


def describe_machine(environments: dict[str, Environment]) -> Machine:
    """Describe this machine, this checkout, and the versions in the environments."""
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    return Machine(
        cpu=parse_cpu(Path("/proc/cpuinfo").read_text()),
        cores=os.cpu_count() or 0,
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=f"{release}, Linux {platform.release()}, Python {platform.python_version()}",
        date=dt.datetime.now(dt.UTC).date().isoformat(),
        commit=_commit(),
        versions={name: versions(environment, REPORTED) for name, environment in environments.items()},
    )


def parse_cpu(text: str) -> str:
    """Read the processor's name from the text of /proc/cpuinfo."""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.machine()


def _commit() -> str:
    """Return the commit of the checkout, with `+` when files were changed since."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
