"""The load generator is the judge of "zero failed requests": here the judge is judged."""

import http.server
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

LOAD = Path(__file__).parents[3] / "examples" / "load.py"
GOOD = json.dumps({"predictions": [0, 1]}).encode()

Reply = Callable[[http.server.BaseHTTPRequestHandler], None]


def send(request: http.server.BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    request.rfile.read(int(request.headers["Content-Length"]))
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(body)


def good(request: http.server.BaseHTTPRequestHandler) -> None:
    send(request, 200, GOOD, X_Davit_Model_Version="7")


def hang_up(request: http.server.BaseHTTPRequestHandler) -> None:
    request.rfile.read(int(request.headers["Content-Length"]))
    request.close_connection = True


@contextmanager
def serving(reply: Reply, *, keep_alive: bool = True) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep_alive else "HTTP/1.0"
        do_POST = reply  # noqa: N815  (the name is the base class's)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/invocations"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def body(tmp_path: Path) -> Path:
    file = tmp_path / "body.json"
    file.write_text('{"inputs": [[1], [2]]}')
    return file


def command(url: str, body: Path, *options: str) -> list[str]:
    fixed = ["--body", str(body), "--predictions", "2", "--threads", "2", "--rate", "40"]
    return [sys.executable, str(LOAD), url, *fixed, *options]


def load(url: str, body: Path, *options: str) -> dict[str, Any]:
    done = subprocess.run(command(url, body, *options), capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_right_answers_are_counted_by_version(body: Path):
    with serving(good) as url:
        seen = load(url, body, "--seconds", "1")
    assert seen["final"] is True
    assert seen["failed"] == 0
    assert 20 <= seen["answered"] <= 44, "about 40 a second, never a burst"
    assert seen["by_version"] == {"7": seen["answered"]}
    assert seen["latency_ms"]["p50"] <= seen["latency_ms"]["max"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (lambda request: send(request, 503, GOOD), "HTTP 503"),
        (lambda request: send(request, 200, b'{"predictions": [0]}'), "wrong number of predictions"),
        (lambda request: send(request, 200, b"not json"), "wrong number of predictions"),
        (hang_up, "RemoteDisconnected"),
    ],
    ids=["status", "too few", "no json", "hung up"],
)
def test_everything_but_a_right_answer_is_a_failure(body: Path, reply: Reply, kind: str):
    with serving(reply) as url:
        seen = load(url, body, "--seconds", "0.5")
    assert seen["answered"] == 0
    assert seen["failed"] == seen["sent"] > 0
    assert kind in seen["failures"]


def test_a_refused_connection_is_a_failure(body: Path):
    seen = load("http://127.0.0.1:9/invocations", body, "--seconds", "0.5")
    assert seen["failures"] == {"ConnectionRefusedError": seen["sent"]}


def test_a_connection_closed_between_requests_is_no_failure(body: Path):
    with serving(good, keep_alive=False) as url:
        seen = load(url, body, "--seconds", "0.5")
    assert seen["failed"] == 0
    assert seen["answered"] > 0


def test_an_idle_connection_closed_by_the_server_is_replaced_and_reported(body: Path):
    def answer_then_hang_up(request: http.server.BaseHTTPRequestHandler) -> None:
        good(request)  # says nothing of closing …
        request.close_connection = True  # … and closes

    with serving(answer_then_hang_up) as url:
        # Slowly: the hang-up must have arrived before the next request is due.
        seen = load(url, body, "--seconds", "1.2", "--rate", "4")
    assert seen["failed"] == 0
    assert seen["reconnects"] > 0


def test_a_signal_ends_it_with_a_summary(body: Path):
    with serving(good) as url:
        options = command(url, body, "--seconds", "60", "--report", "0.2")
        with subprocess.Popen(options, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["final"] is False
            process.send_signal(signal.SIGTERM)
            last = process.stdout.read().splitlines()[-1]
    assert process.returncode == 0
    assert json.loads(last)["final"] is True
