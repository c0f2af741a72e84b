"""HTTP servers in the operator's event loop, so that a blocked loop fails the liveness probe."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

logger = logging.getLogger(__name__)

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

_SHUTDOWN_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the connections of one server.

    Attributes:
        connections: Maximum number of open connections; further ones are closed immediately.
        seconds: Maximum duration of a connection, from accept to the end of the response.
    """

    connections: int
    seconds: float


class _Connection(web.RequestHandler):
    """A connection that answers malformed requests with an empty response and no log line."""

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  the base class's signature, as below
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Return an empty response without logging: any client could otherwise fill the log."""
        return _finish(web.Response(status=status))


class _Server(web.Server):
    """An HTTP server that closes connections beyond its limits."""

    def __init__(self, handler: Handler, limits: Limits) -> None:
        super().__init__(handler)
        self._limits = limits
        self._deadlines: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def __call__(self) -> web.RequestHandler:
        loop = asyncio.get_running_loop()
        return _Connection(
            self,
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # as aiohttp's own documentation has it
            auto_decompress=False,
            lingering_time=0,
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        if len(self._deadlines) >= self._limits.connections:
            transport.abort()
            return
        loop = asyncio.get_running_loop()
        self._deadlines[handler] = loop.call_later(self._limits.seconds, transport.abort)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        deadline = self._deadlines.pop(handler, None)
        if deadline:
            deadline.cancel()
        super().connection_lost(handler, exc)


@asynccontextmanager
async def serve(handler: Handler, port: int, limits: Limits) -> AsyncIterator[int]:
    """Serve HTTP while the context is open, one request per connection; yield the port.

    Args:
        handler: Returns the response to a request.
        port: Port to listen on, on every IPv4 address; 0 for any free one.
        limits: Limits on connections.
    """
    server = _Server(_guard(handler), limits)
    listener = await asyncio.get_running_loop().create_server(server, "0.0.0.0", port)  # noqa: S104  a pod's own
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        server.pre_shutdown()
        await server.shutdown(_SHUTDOWN_SECONDS)


def _guard(handler: Handler) -> Handler:
    """Log an exception of the handler with its traceback; the client receives an empty 500."""

    async def guarded(request: web.BaseRequest) -> web.Response:
        try:
            response = await handler(request)
        except (OSError, web.RequestPayloadError):  # the client disconnected or sent an invalid body
            response = web.Response(status=400)
        except Exception:
            logger.exception("Unexpected error while answering a request")
            response = web.Response(status=500)
        return _finish(response)

    return guarded


def _finish(response: web.Response) -> web.Response:
    """Hide the versions of the libraries, and close the connection after the response."""
    response.headers["Server"] = "davit"
    response.force_close()
    return response
