"""Damage on the wire, below HTTP: a real server answers with a client's error or hangs up, and goes on."""

import json
import socket
import threading
from contextlib import closing

from support.models.saved import model_path
from support.servers.fuzzing import SECRET, SOUND, Fuzzer
from support.servers.processes import free_port, get, started, wait_until_ready

ROUNDS = 1000


def message(path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [b"POST %s HTTP/1.1" % path.encode(), b"Host: server", b"Content-Length: %d" % len(body)]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def say(port: int, sent: bytes, *, whole: bool = False) -> bytes:
    """Whatever comes back until the server hangs up, which it has to; after a part of a message at once."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        try:
            connection.sendall(sent)
            if not whole:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:
            return b""


def objection(answer: bytes) -> str:
    head = answer.split(b"\r\n", 1)[0]
    body = answer.partition(b"\r\n\r\n")[2]  # the request id comes back in a header, as it should
    if head and not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")):
        return f"status line {head!r}"
    leaks = b"Traceback" in answer or b'.py"' in answer
    return "echo or trace" if leaks or (b"HTTP/1.1 4" in head and SECRET.encode() in body) else ""


def test_damaged_bytes_on_the_wire_never_break_the_server():
    port, fuzzer, wrong, answered, log = free_port(), Fuzzer(seed=6), [], 0, []
    with started(str(model_path("iris")), "--port", str(port)) as process:
        wait_until_ready(port, process)
        # A full pipe would stop the server: it logs a line for each request that is not HTTP.
        reading = threading.Thread(target=lambda: log.extend(process.stderr))
        reading.start()
        for _ in range(ROUNDS):
            sent = fuzzer.bitten(message(*fuzzer.request()))
            answer = say(port, sent)
            answered += answer.startswith(b"HTTP/1.1 ")
            if problem := objection(answer):
                wrong.append((problem, sent, answer[:300]))
        sound = say(port, message(*SOUND), whole=True)
        live = get(port, "/v2/health/live")[0]
        process.kill()
        reading.join()
    assert wrong[:3] == []
    assert answered > ROUNDS / 10
    assert json.loads(sound.split(b"\r\n\r\n", 1)[1]) == {"predictions": [0, 2]}
    assert live == 200
    assert SECRET not in "".join(log)
