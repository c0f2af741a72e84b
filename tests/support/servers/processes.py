"""The server as a real process on the loopback address."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

PATIENCE_SECONDS = 120


def free_port() -> int:
    """Return a free TCP port of the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(
    *arguments: str, within: Sequence[str] = (), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """`davit serve` with arguments, started by another program if need be; killed at the end if it still runs."""
    command = [*within, sys.executable, "-m", "davit_server", "serve", *arguments]
    with subprocess.Popen(
        command, env=os.environ | environment, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def get(port: int, path: str) -> tuple[int, str]:
    """Status and body of a GET on a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def wait_until_ready(port: int, process: subprocess.Popen[str], path: str = "/v2/health/ready") -> None:
    """Until a probe answers 200."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        assert process.poll() is None, process.stderr and process.stderr.read()
        with suppress(OSError):
            if get(port, path)[0] == 200:
                return
        time.sleep(0.05)
    raise AssertionError("not ready in time")


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Until something is so."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, f"not in time: {what}"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
