"""SIGTERM to a real process under keep-alive load loses no request."""

import http.client
import json
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.models.saved import IRIS_COLUMNS, model_path
from support.servers.processes import free_port, get, started, wait_for, wait_until_ready

BODY = json.dumps({"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}})


@dataclass
class Client:
    """One client that keeps its connection as long as the server lets it."""

    port: int
    answered: int = 0
    lost: list[str] = field(default_factory=list)
    refused_at: float | None = None
    reconnected: int = 0

    def run(self, stop: threading.Event) -> None:
        connection = None
        while not stop.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                    connection.connect()
                    self.reconnected += 1
            except OSError:
                self.refused_at = time.monotonic()
                return
            connection = self.ask(connection)
        if connection is not None:
            connection.close()

    def ask(self, connection: http.client.HTTPConnection) -> http.client.HTTPConnection | None:
        sent = time.monotonic()
        try:
            connection.request("POST", "/invocations", BODY, {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        except OSError as failure:
            self.lost.append(f"{sent:.3f} {failure!r}")
            connection.close()
            return None
        if answer.status != 200 or json.loads(text) != {"predictions": [0]}:
            self.lost.append(f"{sent:.3f} {answer.status} {text!r}")
        self.answered += 1
        if answer.getheader("connection") == "close":
            connection.close()
            return None
        return connection


@pytest.mark.parametrize("workers", ["1", "2"])
def test_no_request_is_lost_when_a_server_under_load_gets_sigterm(workers):
    port = free_port()
    stop = threading.Event()
    clients = [Client(port) for _ in range(6)]
    threads = [threading.Thread(target=client.run, args=(stop,)) for client in clients]
    arguments = (str(model_path("iris")), "--port", str(port), "--workers", workers)
    with started(*arguments, DAVIT_DRAIN_SECONDS="1.5") as process:
        wait_until_ready(port, process)
        for thread in threads:
            thread.start()
        until = time.monotonic() + 30
        while sum(client.answered for client in clients) < 500 and time.monotonic() < until:
            time.sleep(0.02)
        before = sum(client.answered for client in clients)
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=30)
        stop.set()
        for thread in threads:
            thread.join(timeout=30)
    drained = sum(client.answered for client in clients) - before
    assert [text for client in clients for text in client.lost] == [], "also while the listener closes"
    assert code == 0
    assert before >= 500
    assert drained > 50, "requests were still answered while draining"
    assert all(client.reconnected > 1 for client in clients), "answers asked clients to connect elsewhere"
    refused = [client.refused_at for client in clients if client.refused_at]
    assert all(at >= told + 1.5 for at in refused)


def test_a_model_that_cannot_be_served_ends_the_process_with_a_reason(tmp_path: Path):
    told = tmp_path / "termination-log"
    told.touch()
    with started(str(tmp_path), "--port", str(free_port()), DAVIT_TERMINATION_LOG=str(told)) as process:
        _, logs = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(told.read_text())["reason"] == "NotAModel"
    assert json.loads(logs.splitlines()[-1])["reason"] == "NotAModel"


def test_sigterm_while_loading_ends_the_server_immediately():
    port = free_port()
    with started(str(model_path("iris")), "--port", str(port), DAVIT_DRAIN_SECONDS="60") as process:
        wait_until_ready(port, process, "/v2/health/live")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


def test_a_wrong_setting_is_named():
    with started(str(model_path("iris")), DAVIT_MAX_QUEUE="0") as process:
        _, logs = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "DAVIT_MAX_QUEUE" in logs


@pytest.mark.parametrize("workers", ["1", "2"])
def test_after_the_drain_new_connections_are_refused_while_what_is_in_flight_is_finished(workers):
    port = free_port()
    body = json.dumps({"dataframe_split": {"columns": ["seconds"], "data": [[8.0]]}})
    arguments = (str(model_path("sleepy")), "--port", str(port), "--workers", workers)
    tests = str(Path(__file__).parents[2])
    with started(*arguments, DAVIT_DRAIN_SECONDS="1", PYTHONPATH=tests) as process:
        wait_until_ready(port, process)
        slow = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        slow.request("POST", "/invocations", body, {"content-type": "application/json"})
        in_flight = 'davit_requests_in_flight{model="sleepy",version="local"} 1.0'
        wait_for(lambda: in_flight in get(port, "/metrics")[1], "the slow request has arrived")
        process.send_signal(signal.SIGTERM)
        wait_for(lambda: refuses(port), "a refusal, no reset and no silence")
        assert process.poll() is None, "the slow request is still being answered"
        answer = slow.getresponse()
        assert (answer.status, answer.getheader("connection")) == (200, "close")
        assert json.loads(answer.read()) == {"predictions": [{"seconds": 8.0}]}
        slow.close()
        assert process.wait(timeout=30) == 0


def refuses(port: int) -> bool:
    """Whether the port is closed; anything but an answer or a refused connection is an error of the test."""
    try:
        get(port, "/ping")
    except ConnectionRefusedError:
        return True
    return False
