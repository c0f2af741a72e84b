"""HTTP servers in the event loop: one that is stuck answers no probe, and Kubernetes restarts us."""

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
    """What clients may take.

    Attributes:
        connections: How many at a time; another one is closed at once.
        seconds: How long one may last, from its opening to the end of the response.
    """

    connections: int
    seconds: float


class _Connection(web.RequestHandler):
    """Answers what is no proper request without a word."""

    def handle_error(
        self,
        request: web.BaseRequest,  # noqa: ARG002  the base class's signature, as below
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """Keep malformed requests out of the log: whoever can reach a port could fill it."""
        return _closing(web.Response(status=status))


class _Server(web.Server):
    """Closes connections that exceed the limits."""

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
    """Serves while the context lasts, one request per connection; yields the port.

    Args:
        handler: Answers a request.
        port: Where to listen, on every IPv4 address; 0 for any free one.
        limits: What clients may take.
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
    """Logs a bug in the handler; the client learns only that there was one."""

    async def guarded(request: web.BaseRequest) -> web.Response:
        try:
            response = await handler(request)
        except (OSError, web.RequestPayloadError):  # the client has gone or sends nonsense
            response = web.Response(status=400)
        except Exception:
            logger.exception("A request met a bug")
            response = web.Response(status=500)
        return _closing(response)

    return guarded


def _closing(response: web.Response) -> web.Response:
    """Keeps versions to ourselves, and ends the connection with the response."""
    response.headers["Server"] = "davit"
    response.force_close()
    return response
