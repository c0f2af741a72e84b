"""What comes before a request, on the wire: heads that never end, or are too large, and connections without any."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from support.models.saved import model_path
from support.servers.processes import free_port, get, started, wait_until_ready

SECONDS = 2
PATIENCE = 20
"""Beyond the deadline and far below what a machine under load may need."""
HEAD = b"POST /invocations HTTP/1.1\r\nHost: server\r\nContent-Type: application/json\r\n"
BODY = json.dumps({"inputs": [{"seconds": 0}]}).encode()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    settings = {"DAVIT_REQUEST_TIMEOUT_SECONDS": str(SECONDS)}
    with started(str(model_path("iris")), "--port", str(port), **settings) as process:
        wait_until_ready(port, process)
        threading.Thread(target=lambda: list(process.stderr), daemon=True).start()
        yield port
        assert process.poll() is None


def answer(connection: socket.socket) -> tuple[int, dict, bytes]:
    """Status, JSON and head of what comes until the server hangs up."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass  # the server closed with bytes of ours unread; what it said came before
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), json.loads(body), head.lower()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


@pytest.mark.parametrize("begun", [b"P", b"POST /invocations", HEAD, HEAD + b"X-A: ", b"\r\n"])
def test_an_incomplete_request_head_is_answered_at_its_deadline(port, begun):
    with closing(connect(port)) as connection:
        connection.sendall(begun)
        status, error, head = answer(connection)
    assert (status, error["error_code"]) == (408, "REQUEST_TIMEOUT")
    assert "headers did not arrive within 2 s" in error["message"]
    assert b"connection: close" in head


def test_a_slow_request_head_has_the_same_deadline(port):
    with closing(connect(port)) as connection:
        connection.sendall(HEAD)
        connection.settimeout(0.1)
        began, closed = time.monotonic(), False
        while not closed and time.monotonic() < began + PATIENCE:
            try:
                connection.sendall(b"X-A: b\r\n")
                closed = connection.recv(65536) != b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
    assert closed


def test_the_second_request_of_a_connection_has_the_same_deadline(port):
    with closing(connect(port)) as connection:
        connection.sendall(b"GET /ping HTTP/1.1\r\nHost: server\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /ping HTTP/1.1\r\nX-A")
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 408")


def test_a_slow_body_is_answered_at_the_deadline(port):
    with closing(connect(port)) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\nConnection: close\r\n\r\n{")
        status, error, _ = answer(connection)
    assert (status, error["error_code"]) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize(
    "headers",
    [
        [b"X-A: " + b"a" * 70_000],
        [b"X-%d: %s" % (at, b"a" * 1000) for at in range(70)],
        [b"X-%d: a" % at for at in range(200)],
    ],
)
def test_a_request_head_that_is_too_large_is_rejected(port, headers):
    with closing(connect(port)) as connection:
        connection.sendall(b"\r\n".join([b"GET /ping HTTP/1.1", b"Host: server", *headers, b"", b""]))
        status, error, _ = answer(connection)
    assert (status, error["error_code"]) == (431, "HEADERS_TOO_LARGE")
    assert "at most 128 headers of together 65536 bytes" in error["message"]


@pytest.mark.parametrize("endless", [b"X-A: b\r\n", b"a"])
@pytest.mark.parametrize(
    "begin",
    [
        b"GET /ping HTTP/1.1\r\nHost: server\r\nX-B: ",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-B: ",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;x=",
    ],
)
def test_megabytes_of_headers_trailers_or_extensions_are_refused_unread(port, begin, endless):
    sent, limit = 0, 32 * 2**20
    with closing(connect(port)) as connection:
        connection.sendall(begin)
        try:
            while sent < limit:
                connection.sendall(endless * (65536 // len(endless)))
                sent += 65536
        except ConnectionError:
            pass
    assert sent < limit
    assert get(port, "/v2/health/live")[0] == 200


def test_a_url_that_is_too_long_is_refused(port):
    with closing(connect(port)) as connection:
        connection.sendall(b"GET /ping?" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: server\r\n\r\n")
        status, error, _ = answer(connection)
    assert (status, error["error_code"]) == (414, "URI_TOO_LONG")


def test_non_http_input_gets_an_error_in_json(port):
    with closing(connect(port)) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        status, error, _ = answer(connection)
    assert (status, error["error_code"]) == (400, "BAD_REQUEST")


def test_large_heads_and_many_requests_on_one_connection_are_answered(port):
    asked = b"GET /v2/health/live HTTP/1.1\r\nHost: server\r\nX-A: " + b"a" * 30_000 + b"\r\n\r\n"
    with closing(connect(port)) as connection:
        for _ in range(5):
            connection.sendall(asked)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_chunks_of_a_body_do_not_count_as_headers(port):
    chunks = b"".join(b"1;%s\r\n%c\r\n" % (b"x" * 5000, byte) for byte in BODY)
    with closing(connect(port)) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        connection.sendall(chunks + b"0\r\n\r\n")
        status, error, _ = answer(connection)
    assert (status, error["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), (
        "read whole: it lacks the model's columns"
    )
