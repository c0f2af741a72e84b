"""Several workers: one port, one set of numbers, shared memory, and the dead are replaced."""

import http.client
import json
import os
import re
import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest
from support.models.saved import IRIS_COLUMNS, model_path
from support.servers.processes import (
    PATIENCE_SECONDS,
    children,
    free_port,
    get,
    started,
    wait_for,
    wait_until_ready,
)

BODY = json.dumps({"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}})


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


def test_workers_share_metrics_and_memory_and_dead_ones_are_replaced():
    port = free_port()
    with started(str(model_path("iris")), "--port", str(port), "-w", "3", DAVIT_DRAIN_SECONDS="0") as process:
        wait_until_ready(port, process)
        workers = children(process.pid)
        assert len(workers) == 3, "the probe process has left"
        predict(port, 60)
        assert number(port, "davit_request_duration_seconds_count") == 60, "whoever is scraped tells of all"
        further = [proportional_mib(worker) for worker in workers]
        os.kill(workers[0], signal.SIGKILL)
        wait_for(lambda: len(set(children(process.pid)) - set(workers)) == 1, "a new worker")
        wait_for(lambda: number(port, "davit_worker_restarts_total") == 1, "counted")
        predict(port, 20)
        assert number(port, "davit_request_duration_seconds_count") == 80, "what the dead had counted is kept"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert max(further) <= 140, f"proportional MiB of each of three workers: {further}"


class Asker(threading.Thread):
    """A client that asks without pause and opens a new connection when one breaks."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        super().__init__()
        self.right, self.wrong, self.cut = 0, [], 0
        self._port, self._stop_asking = port, stop

    def run(self) -> None:
        while not self._stop_asking.is_set():
            with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)) as connection:
                self.ask(connection)

    def ask(self, connection: http.client.HTTPConnection) -> None:
        try:
            while not self._stop_asking.is_set():
                connection.request("POST", "/invocations", BODY, {"content-type": "application/json"})
                answer = connection.getresponse().read()
                if json.loads(answer) == {"predictions": [0]}:
                    self.right += 1
                else:
                    self.wrong.append(answer)
        except (OSError, http.client.HTTPException):
            self.cut += 1


def test_a_worker_killed_under_load_is_replaced_while_the_others_answer():
    port, stop = free_port(), threading.Event()
    askers = [Asker(port, stop) for _ in range(8)]
    with started(str(model_path("iris")), "--port", str(port), "-w", "3", DAVIT_DRAIN_SECONDS="0") as process:
        wait_until_ready(port, process)
        before = children(process.pid)
        for asker in askers:
            asker.start()
        wait_for(lambda: all(asker.right > 20 for asker in askers), "all are served")
        os.kill(before[1], signal.SIGKILL)
        wait_for(lambda: number(port, "davit_worker_restarts_total") == 1, "counted")
        at_the_kill = [asker.right for asker in askers]
        wait_for(
            lambda: all(asker.right > then + 50 for asker, then in zip(askers, at_the_kill, strict=True)),
            "everybody is served on",
        )
        wait_for(lambda: len(children(process.pid)) == 3, "three workers again")
        after = children(process.pid)
        stop.set()
        for asker in askers:
            asker.join(timeout=30)
        answered = number(port, "davit_request_duration_seconds_count")
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode == 0
    assert [asker.wrong for asker in askers] == [[]] * 8
    assert 0 < sum(asker.cut for asker in askers) <= 8, (
        "a connection to the dead worker breaks once, no other"
    )
    assert answered >= sum(asker.right for asker in askers), "what the dead worker counted is kept"
    assert len(set(before) & set(after)) == 2
    assert "a worker died and is replaced (probably out of memory)" in log


def test_probes_are_answered_while_the_model_loads():
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


def test_workers_share_a_model_converted_to_onnx():
    port = free_port()
    model = str(model_path("iris"))
    options = {"DAVIT_DRAIN_SECONDS": "0", "DAVIT_PLAN": "onnx", "DAVIT_MODEL_NAME": "iris"}
    with started(model, "--port", str(port), "-w", "3", **options) as process:
        wait_until_ready(port, process)
        predict(port, 60)
        assert json.loads(get(port, "/v2/models/iris")[1])["parameters"]["plan"] == "onnx"
        further = [proportional_mib(worker) for worker in children(process.pid)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    assert max(further) <= 140, f"proportional MiB of each of three workers: {further}"
