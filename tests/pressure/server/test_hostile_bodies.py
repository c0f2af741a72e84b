"""Small requests that are dear to read: none costs the server more than a multiple of its size, or a probe."""

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest
from support.models.saved import model_path
from support.servers.hostile_bodies import Hostile, families
from support.servers.processes import free_port, get, started, wait_until_ready

MIB = 2**20
SIZE = MIB // 2
PROBE_SECONDS = 1.0
"""What the issue allows a probe to wait."""

MEMORY_MULTIPLE = 64
"""Of the body's bytes, as server/README.md says; compressed ones count as eight times the largest body."""
DECODED = 8 * 4 * MIB
GROUND = 64 * MIB
"""What libraries take when they are used for the first time."""

TIME_MULTIPLE = 10
"""A body four times as large may take ten times as long, and a moment that does not depend on its size."""
MOMENT_SECONDS = 1.0

TESTS = str(Path(__file__).parents[2])
LIMITS = {"PYTHONPATH": TESTS, "DAVIT_MAX_BODY_BYTES": str(4 * MIB), "DAVIT_REQUEST_TIMEOUT_SECONDS": "60"}
BODIES = families()


@pytest.fixture(scope="module", params=["forest", "mixed", "nosig"])
def server(request) -> Iterator[tuple[int, int, str]]:
    """Port and process of a server: of rows of numbers, of columns of several types, of anything."""
    port = free_port()
    with started(str(model_path(request.param)), "--port", str(port), **LIMITS) as process:
        wait_until_ready(port, process)
        log = threading.Thread(target=lambda: list(process.stderr), daemon=True)
        log.start()
        yield port, process.pid, model_path(request.param).name
        assert process.poll() is None
        process.kill()
        log.join()


def send(port: int, name: str, hostile: Hostile) -> tuple[int, float]:
    """Status and seconds of one request."""
    headers = {"content-type": hostile.kind} | hostile.headers
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        began = time.monotonic()
        connection.request("POST", hostile.path.format(name=name), hostile.body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status, time.monotonic() - began


def memory(pid: int, what: str) -> int:
    """`VmRSS` or `VmHWM` of a process in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def grown(pid: int, act) -> tuple[object, int]:
    """What an act returns, and how much more memory than before the process had at its worst."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # resets the peak
    before = memory(pid, "VmRSS")
    result = act()
    return result, memory(pid, "VmHWM") - before


class Prober:
    """Asks for liveness all the time and remembers the longest wait."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._probe)
        self.longest = 0.0
        self.statuses: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _probe(self) -> None:
        ended = False
        while not ended:
            began = time.monotonic()
            self.statuses.add(get(self._port, "/v2/health/live")[0])
            self.longest = max(self.longest, time.monotonic() - began)
            ended = self._ended.wait(0.02)


def test_memory_is_bounded_by_body_size_and_probes_stay_fast(server):
    port, pid, name = server
    wrong = []
    for what, make in BODIES.items():
        small, large = make(SIZE // 4), make(SIZE)
        _, quick = send(port, name, small)
        with Prober(port) as prober:
            (status, slow), more = grown(pid, lambda large=large: send(port, name, large))
        compressed = what.startswith("parquet")
        allowed = GROUND + (DECODED * 2 if compressed else MEMORY_MULTIPLE * len(large.body))
        story = f"{what}: {len(large.body)} bytes, {quick:.2f} s, {slow:.2f} s, {more // MIB} MiB, {status}"
        if status >= 500:
            wrong.append(f"status; {story}")
        if slow > TIME_MULTIPLE * quick + MOMENT_SECONDS:
            wrong.append(f"time; {story}")
        if more > allowed:
            wrong.append(f"memory; {story}")
        if prober.longest > PROBE_SECONDS or prober.statuses - {200}:
            wrong.append(f"probe waited {prober.longest:.2f} s; {story}")
    assert wrong == []


def test_the_largest_bodies_delay_no_probe():
    port, largest = free_port(), 16 * MIB
    dear = {
        "small objects": largest // 2 - MIB,
        "many keys": largest - MIB,
        "lone surrogates in one text": largest - MIB,
    }
    with started(str(model_path("forest")), "--port", str(port)) as process:
        wait_until_ready(port, process)
        threading.Thread(target=lambda: list(process.stderr), daemon=True).start()
        waits = {what: calmest(port, BODIES[f"invocations: {what}"](size)) for what, size in dear.items()}
    assert {what: wait for what, wait in waits.items() if wait > PROBE_SECONDS} == {}


def calmest(port: int, hostile: Hostile) -> float:
    """The longest wait of a probe, in the best of three tries: the machine may be busy with other things."""
    longest = []
    for _ in range(3):
        with Prober(port) as prober:
            status, _ = send(port, "forest", hostile)
        assert (prober.statuses, status < 500) == ({200}, True)
        longest.append(prober.longest)
    return min(longest)
