"""Liveness, readiness and metrics over HTTP."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

from davit_operator.handlers.http import Limits, serve

TEXT = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"

_LIMITS = Limits(connections=256, seconds=30)


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


def serve_probes(probes: Probes, port: int) -> AbstractAsyncContextManager[int]:
    """Serves the probes while the context lasts; it yields the port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        status, content_type, body = probes.answer(request.path)
        return web.Response(status=status, body=body, headers={"Content-Type": content_type})

    return serve(answer, port, _LIMITS)


def _verdict(*, fine: bool, otherwise: str) -> tuple[HTTPStatus, str, bytes]:
    if fine:
        return HTTPStatus.OK, TEXT, b"ok\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, f"{otherwise}\n".encode()
