"""Damage on the wire, below HTTP: a real server answers with a client's error or hangs up, and goes on."""

import json
import socket
from contextlib import closing

from support.fuzzing import SECRET, SOUND, Fuzzer
from support.models import model_path
from support.processes import free_port, get, started, wait_until_ready

ROUNDS = 2000


def message(path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [b"POST %s HTTP/1.1" % path.encode(), b"Host: server", b"Content-Length: %d" % len(body)]
    lines += [name + b": " + value for name, value in headers]
    return b"\r\n".join([*lines, b"Connection: close", b"", body])


def say(port: int, sent: bytes) -> bytes:
    """Whatever comes back until the server hangs up, which it has to."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:
            return b""


def objection(answer: bytes) -> str:
    head = answer.split(b"\r\n", 1)[0]
    if head and not head.startswith((b"HTTP/1.1 2", b"HTTP/1.1 4")):
        return f"status line {head!r}"
    leaks = b"Traceback" in answer or b'.py"' in answer
    return "echo or trace" if leaks or (b"HTTP/1.1 4" in head and SECRET.encode() in answer) else ""


def test_damaged_bytes_on_the_wire_never_break_the_server():
    port, fuzzer, wrong, answered = free_port(), Fuzzer(seed=6), [], 0
    with started(str(model_path("iris")), "--port", str(port)) as process:
        wait_until_ready(port, process)
        for _ in range(ROUNDS):
            sent = fuzzer.bitten(message(*fuzzer.request()))
            answer = say(port, sent)
            answered += answer.startswith(b"HTTP/1.1 ")
            if problem := objection(answer):
                wrong.append((problem, sent, answer[:300]))
        sound = say(port, message(*SOUND))
        live = get(port, "/v2/health/live")[0]
        process.kill()
        _, log = process.communicate()
    assert wrong[:3] == []
    assert answered > ROUNDS / 2
    assert json.loads(sound.split(b"\r\n\r\n", 1)[1]) == {"predictions": [0, 2]}
    assert live == 200
    assert SECRET not in log
