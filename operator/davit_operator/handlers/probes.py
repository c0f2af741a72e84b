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
    """Sources of the answers to probes and scrapes.

    Attributes:
        unhealthy_reason: Returns why the operator is unhealthy, or None when it is healthy.
        is_ready: Returns whether the first resync has completed.
        metrics: Returns all metrics in the Prometheus text format.
    """

    unhealthy_reason: Callable[[], str | None]
    is_ready: Callable[[], bool]
    metrics: Callable[[], bytes]

    def answer(self, path: str) -> tuple[HTTPStatus, str, bytes]:
        """Return status, content type and body for a path."""
        match path.partition("?")[0]:
            case "/healthz":
                return _probe_response(self.unhealthy_reason())
            case "/readyz":
                return _probe_response(None if self.is_ready() else "the first resync has not completed yet")
            case "/metrics":
                return HTTPStatus.OK, METRICS, self.metrics()
        return HTTPStatus.NOT_FOUND, TEXT, b"unknown path: use /healthz, /readyz or /metrics\n"


def serve_probes(probes: Probes, port: int) -> AbstractAsyncContextManager[int]:
    """Serve the probes while the context is open; yield the port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        status, content_type, body = probes.answer(request.path)
        return web.Response(status=status, body=body, headers={"Content-Type": content_type})

    return serve(answer, port, _LIMITS)


def _probe_response(problem: str | None) -> tuple[HTTPStatus, str, bytes]:
    if problem is None:
        return HTTPStatus.OK, TEXT, b"ok\n"
    return HTTPStatus.SERVICE_UNAVAILABLE, TEXT, f"{problem}\n".encode()
