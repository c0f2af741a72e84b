"""Several workers: one port, one set of numbers, shared memory, and the dead are replaced."""

import http.client
import json
import os
import re
import signal
import time
from contextlib import closing
from pathlib import Path

import pytest
from support.models import IRIS_COLUMNS, model_path
from support.processes import PATIENCE_SECONDS, free_port, get, started, wait_until_ready

BODY = json.dumps({"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}})


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def proportional_mib(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE).group(1)) / 1024


def predict(port: int, times: int) -> None:
    for _ in range(times):
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("POST", "/invocations", BODY, {"content-type": "application/json"})
            assert json.loads(connection.getresponse().read()) == {"predictions": [0]}


def number(port: int, metric: str) -> float:
    line = next(line for line in get(port, "/metrics")[1].splitlines() if line.startswith(metric + "{"))
    return float(line.rsplit(" ", 1)[1])


def wait_for(condition, what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def test_workers_share_numbers_and_memory_and_the_dead_are_replaced():
    port = free_port()
    with started(str(model_path("iris")), "--port", str(port), "-w", "3", DAVIT_DRAIN_SECONDS="0") as process:
        wait_until_ready(port, process)
        workers = children(process.pid)
        assert len(workers) == 3, "the doorman has left"
        predict(port, 60)
        assert number(port, "davit_request_seconds_count") == 60, "whoever is scraped tells of all"
        further = [proportional_mib(worker) for worker in workers]
        os.kill(workers[0], signal.SIGKILL)
        wait_for(lambda: len(set(children(process.pid)) - set(workers)) == 1, "a new worker")
        wait_for(lambda: number(port, "davit_worker_restarts_total") == 1, "counted")
        predict(port, 20)
        assert number(port, "davit_request_seconds_count") == 80, "what the dead had counted is kept"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert max(further) <= 140, f"proportional MiB of each of three workers: {further}"


def test_while_the_model_loads_somebody_answers_probes():
    port = free_port()
    with started(str(model_path("iris")), "--port", str(port), "-w", "2") as process:
        wait_until_ready(port, process, "/v2/health/live")
        assert get(port, "/v2/health/ready")[0] == 503
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_rejected_model_ends_all_processes_with_a_reason(workers, tmp_path):
    told = tmp_path / "termination-log"
    told.touch()
    arguments = (str(model_path("liar")), "--port", str(free_port()), "-w", workers)
    tests = str(Path(__file__).parents[2])
    with started(*arguments, DAVIT_TERMINATION_LOG=str(told), PYTHONPATH=tests) as process:
        process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert json.loads(told.read_text())["reason"] == "SignatureMismatch"
