"""The load: wrk on a CPU of its own, sending different bodies in turn over persistent connections."""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchFailed
from bench.places import HERE
from bench.processes import busy_seconds, cpu_seconds
from bench.running import RunningServer

LOAD_CPU = "1"
SETTLE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load.

    Attributes:
        name: Its key in the results.
        rows: In each request.
        clients: Concurrent connections.
        seconds: How long one measurement takes; whole ones only, because of wrk.
    """

    name: str
    rows: int
    clients: int
    seconds: int


LOADS = (
    Load("c1", 1, 1, 1),
    Load("c16", 1, 16, 2),
    Load("c64", 1, 64, 2),
    Load("rows100", 100, 4, 1),
    Load("rows1000", 1000, 2, 1),
)


@dataclass(frozen=True, slots=True)
class Window:
    """What one measurement found.

    Attributes:
        rate: Requests a second.
        p50_ms: Median latency.
        p99_ms: Latency that 99 of 100 stay below.
        cpu_us: CPU time of the server's processes per request, user and system.
        failed: Requests without a good answer.
        others_cpu: CPUs used by other programs than server and wrk; 0 on a quiet machine.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    failed: int
    others_cpu: float


def require_wrk() -> None:
    """Make sure that wrk is installed; install it where that is possible.

    Raises:
        BenchFailed: wrk is missing and this user cannot install it.
    """
    if shutil.which("wrk"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("bench: installing wrk", flush=True)
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "wrk"]
        subprocess.run(["apt-get", "update", "--quiet"], capture_output=True, check=False)
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return
    raise BenchFailed("the load generator wrk is missing: install it (Debian: sudo apt-get install wrk).")


@contextlib.contextmanager
def bodies(lines: Sequence[bytes]) -> Iterator[Path]:
    """Write a temporary file with one request body per line."""
    with tempfile.NamedTemporaryFile(prefix="davit-bench-") as file:
        file.write(b"\n".join(lines))
        file.flush()
        yield Path(file.name)


def measure(target: RunningServer, load: Load, requests: Path) -> Window:
    """Load one server and measure it.

    Args:
        target: The server.
        load: How much.
        requests: A file made by `bodies`.

    Raises:
        BenchFailed: wrk failed, or no request was answered.
    """
    before, busy, loader = cpu_seconds(target.pid), busy_seconds(), _children_seconds()
    started = time.perf_counter()
    figures = _wrk(target, load, requests)
    used = cpu_seconds(target.pid) - before
    passed = time.perf_counter() - started
    others = busy_seconds() - busy - used - (_children_seconds() - loader)
    _settle(target)
    answered = figures["requests"] - figures["failed"]
    if answered <= 0:
        raise BenchFailed(f"{target.server.name} answered no request under the load {load.name}.")
    return Window(
        rate=answered / figures["microseconds"] * 1e6,
        p50_ms=figures["p50"] / 1e3,
        p99_ms=figures["p99"] / 1e3,
        cpu_us=used / answered * 1e6,
        failed=int(figures["failed"]),
        others_cpu=max(0.0, others / passed),
    )


def _wrk(target: RunningServer, load: Load, requests: Path) -> dict[str, float]:
    """Run wrk and read the line that load.lua prints."""
    command = [
        "taskset", "--cpu-list", LOAD_CPU, "wrk", "--threads", "1", "--connections", str(load.clients),
        "--duration", f"{load.seconds}s", "--timeout", "30s", "--script", str(HERE / "load.lua"),
        f"http://127.0.0.1:{target.client.port}{target.client.protocol.path}", "--", str(requests),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    figures: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def _children_seconds() -> float:
    """Return the CPU time of wrk so far, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _settle(target: RunningServer) -> None:
    """Wait until the server has finished the requests that wrk left: they must not disturb the next one."""
    until = time.monotonic() + SETTLE_SECONDS
    before = -1.0
    while (now := cpu_seconds(target.pid)) != before and time.monotonic() < until:
        before = now
        time.sleep(0.05)
