"""Liveness, readiness and metrics over HTTP, answered by a thread of its own.

A thread answers even when the event loop is stuck, and can then say so.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TEXT = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Probes:
    """What is asked.

    Attributes:
        unhealthy_reason: What is wrong, or None when the operator is alive.
        is_ready: Whether the first round over all ModelDeployments is over.
        metrics: Everything counted, in Prometheus' text format.
    """

    unhealthy_reason: Callable[[], str | None]
    is_ready: Callable[[], bool]
    metrics: Callable[[], bytes]

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body for a path."""
        match path.partition("?")[0]:
            case "/healthz":
                unhealthy_reason = self.unhealthy_reason()
                return _verdict(fine=unhealthy_reason is None, otherwise=unhealthy_reason or "")
            case "/readyz":
                return _verdict(fine=self.is_ready(), otherwise="the first round is not over yet")
            case "/metrics":
                return HTTPStatus.OK, METRICS, self.metrics()
        return HTTPStatus.NOT_FOUND, TEXT, b"ask for /healthz, /readyz or /metrics\n"


def start_probes(probes: Probes, port: int) -> ThreadingHTTPServer:
    """Answers from now on; `shutdown` and `server_close` end it. Port 0 takes any free one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content_type, body = probes.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Probes are asked every few seconds: not worth a line."""

    server = ThreadingHTTPServer(("", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server


def _verdict(*, fine: bool, otherwise: str) -> tuple[HTTPStatus, str, bytes]:
    if fine:
        return HTTPStatus.OK, TEXT, b"ok\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, f"{otherwise}\n".encode()
