"""SIGKILL or SIGTERM while the model is being loaded: no hang, no process left, an accurate message."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.models.saved import model_path
from support.servers.processes import children, free_port, get, started, wait_for, wait_until_ready

TESTS = str(Path(__file__).parents[2])
SIGTERM_IS_HANDLED = 1 << (signal.SIGTERM - 1)


@pytest.fixture
def told(tmp_path: Path) -> Path:
    file = tmp_path / "termination-log"
    file.touch()
    return file


@contextmanager
def loading(told: Path, workers: str, port: int) -> Iterator[subprocess.Popen]:
    """A server that is loading its model and will not come to an end."""
    mark = told.with_name("loading")
    arguments = (str(model_path("endless")), "--port", str(port), "-w", workers)
    environment = {"DAVIT_TERMINATION_LOG": str(told), "DAVIT_TEST_LOADING": str(mark), "PYTHONPATH": TESTS}
    with started(*arguments, **environment) as process:
        wait_until_ready(port, process, "/v2/health/live")
        wait_for(mark.exists, "the model begins to load")
        yield process


def is_free(port: int) -> bool:
    try:
        get(port, "/v2/health/live")
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_ends_the_server_immediately_without_errors(workers, told):
    port = free_port()
    with loading(told, workers, port) as process:
        assert get(port, "/v2/health/ready")[0] == 503
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert told.read_text() == "", "it was not killed for want of memory"
    assert "Traceback" not in log
    wait_for(lambda: is_free(port), "nobody listens any more")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_killed_while_loading_has_left_stage_cause_and_cure(workers, told):
    port = free_port()
    with loading(told, workers, port) as process:
        family = [process.pid, *children(process.pid)]
        process.kill()
        process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    message = json.loads(told.read_text())
    assert (message["stage"], message["reason"]) == ("load", "KilledWhileLoading")
    assert "memory" in message["cause"]
    assert message["cure"] == "Raise spec.resources.limits.memory."
    wait_for(lambda: is_free(port), "nobody listens any more")
    wait_for(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in family), "no child is left behind")


def test_pid_1_reacts_to_sigterm_during_imports():
    with started(str(model_path("iris")), "--port", str(free_port())) as process:
        wait_for(lambda: caught_signals(process.pid) & SIGTERM_IS_HANDLED, "a handler")
        libraries = Path(f"/proc/{process.pid}/maps").read_text()
        os.kill(process.pid, signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert (process.returncode, log) == (0, "")
    assert "numpy" not in libraries, "the handler is there before the libraries"


def caught_signals(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("SigCgt")).split()[1], 16)
