"""The client that the availability stories rest on: it counts when it asks again, and sees what is lost."""

import logging
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import mlflow
import pytest
import urllib3
from mlflow.exceptions import MlflowException
from support.stack.steady_client import differences
from support.stack.steady_writer import count_retries, repeat_until_answered

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.fixture
def retries():
    counter = count_retries()
    yield counter
    pool = logging.getLogger("urllib3.connectionpool")
    pool.removeHandler(counter)
    pool.setLevel(logging.NOTSET)
    pool.propagate = True


@contextmanager
def answering(*answers: bytes) -> Iterator[str]:
    """A server that answers so, one connection after the other."""
    left = list(answers)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.request.sendall(left.pop(0))

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def ask(*answers: bytes) -> int:
    """The status that a client gets in the end whose connections are answered so."""
    policy = urllib3.Retry(total=5, backoff_factor=0, status_forcelist=[503])
    with answering(*answers) as url, urllib3.PoolManager(retries=policy) as client:
        return client.request("GET", url).status


@pytest.mark.parametrize(
    ("answers", "count"), [((OK,), 0), ((b"", OK), 1), ((BUSY, OK), 1), ((b"", BUSY, b"", OK), 3)]
)
def test_every_retry_is_counted(retries, answers: tuple[bytes, ...], count: int):
    assert ask(*answers) == 200
    assert retries.count == count


def test_an_interrupted_response_is_retried_and_a_rejection_is_not():
    halves = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"] * 2
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    with answering(*halves, whole, refusal) as url:
        client = mlflow.MlflowClient(url)
        assert repeat_until_answered(lambda: client.log_metric("0" * 32, "loss", 1.0, timestamp=1)) == 2
        with pytest.raises(MlflowException):
            repeat_until_answered(lambda: client.log_metric("0" * 32, "loss", 1.0, timestamp=1))


def found() -> dict:
    """What MLflow has when nothing is lost of three steps."""
    return {
        "metrics": [[0, 1.0], [1, 0.5], [2, 1 / 3]],
        "params": {"param-0": "0", "param-1": "1", "param-2": "2"},
        "artifacts": {"0.txt": "artifact 0"},
    }


def test_a_complete_history_is_reported_as_complete():
    assert differences(3, found()) == []


@pytest.mark.parametrize(
    ("kind", "instead", "told"),
    [
        ("metrics", [[0, 1.0], [2, 1 / 3]], "step 1: []"),
        ("metrics", [[0, 1.0], [1, 0.4], [2, 1 / 3]], "step 1: [0.4]"),
        ("metrics", [[0, 1.0], [1, 0.5], [1, 0.5], [2, 1 / 3]], "step 1: [0.5, 0.5]"),
        ("metrics", [*found()["metrics"], [3, 0.25]], "step 3: [0.25]"),
        ("params", {"param-0": "0", "param-2": "2"}, "params param-1: None"),
        ("params", {**found()["params"], "param-1": "7"}, "params param-1: 7"),
        ("artifacts", {}, "artifacts 0.txt: None"),
        ("artifacts", {"0.txt": "artif"}, "artifacts 0.txt: artif"),
    ],
)
def test_every_kind_of_loss_is_detected(kind: str, instead, told: str):
    assert differences(3, {**found(), kind: instead}) == [told]
