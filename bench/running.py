"""Starts a server, waits for its first correct answer, and ends it."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.answers import CheckingClient
from bench.environments import Environment
from bench.errors import BenchFailed
from bench.models import Case, TrainedModel
from bench.processes import group_is_alive
from bench.servers import Launch, Server

SERVER_CPU = "0"
START_SECONDS = 120.0
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that has answered correctly.

    Attributes:
        server: Which one.
        pid: Its first process.
        client: Its client.
        start_seconds: From its start to its first correct answer.
    """

    server: Server
    pid: int
    client: CheckingClient
    start_seconds: float


@contextlib.contextmanager
def running(server: Server, environment: Environment, model: TrainedModel) -> Iterator[RunningServer]:
    """Start a server on its CPU, wait for its first correct answer, and end it afterwards.

    Raises:
        BenchFailed: The server ends, does not answer, or answers wrongly.
    """
    with tempfile.TemporaryDirectory(prefix="davit-bench-") as name:
        scratch = Path(name)
        launch = Launch(environment, model.path, _free_ports(), scratch)
        command = ["taskset", "--cpu-list", SERVER_CPU, *server.command(launch)]
        variables = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
        log = scratch / "log"
        started = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=scratch, env=variables | _path(environment) | server.variables, stdout=output,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        try:
            client = CheckingClient(launch.port, server.protocol, server.tolerance)
            _await_answer(server, process, client, model.cases[1][0], log)
            found = RunningServer(server, process.pid, client, time.perf_counter() - started)
            _require_plan(found)
            yield found
        finally:
            _end(process)


def _path(environment: Environment) -> dict[str, str]:
    """Return PATH as in an active environment: `mlflow models serve` looks up uvicorn there."""
    return {"PATH": f"{environment.path / 'bin'}:{os.environ['PATH']}", "VIRTUAL_ENV": str(environment.path)}


def _free_ports() -> int:
    """Return the first of three consecutive free ports, below the kernel's ephemeral range."""
    return next(
        first for first in range(20_000, 32_000, 3) if all(_is_free(first + more) for more in range(3))
    )


def _is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _await_answer(
    server: Server, process: subprocess.Popen[bytes], client: CheckingClient, case: Case, log: Path
) -> None:
    """Send requests until the first correct answer.

    Raises:
        BenchFailed: The server ended, is too slow, or its first answer of status 200 is wrong.
    """
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise BenchFailed(f"{server.name} ended with {process.returncode}:\n{_tail(log)}")
        with contextlib.closing(client.connect()) as connection:
            try:
                client.predict(connection, case)
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)
            except BenchFailed as failure:
                if "status 503" not in str(failure):
                    raise BenchFailed(f"{server.name}: {failure}\n{_tail(log)}") from failure
                time.sleep(0.01)
            else:
                return
    raise BenchFailed(f"{server.name} did not answer within {START_SECONDS:.0f} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    """Return the end of a server's output."""
    return log.read_text(errors="replace")[-2000:]


def _require_plan(found: RunningServer) -> None:
    """Compare the plan that Davit reports with the expected one: figures must carry the right plan's name.

    Raises:
        BenchFailed: The plans differ.
    """
    if not found.server.plan:
        return
    with contextlib.closing(found.client.connect()) as connection:
        connection.request("GET", "/v2/models/model")
        reported = json.loads(connection.getresponse().read())["parameters"]
    if reported["plan"] != found.server.plan:
        raise BenchFailed(
            f"{found.server.name} was measured with the plan '{reported['plan']}': "
            f"{'; '.join(reported['reasons'])}"
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server's session, which this process created: with SIGTERM first, then with SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        until = time.monotonic() + STOP_SECONDS
        while time.monotonic() < until:
            if process.poll() is not None and not group_is_alive(process.pid):
                return
            time.sleep(0.02)
