"""uvicorn with a drain before it closes its listener."""

import asyncio
import signal
import socket
from functools import partial

import uvicorn

from davit_server.process.app import ModelServer
from davit_server.process.forking import ForkGuard
from davit_server.process.http_protocol import BoundedProtocol, UnfinishedHeads
from davit_server.process.signals import EndSignals
from davit_server.process.sockets import stop_accepting_connections
from davit_server.settings import Settings

GRACE_AFTER_DEADLINE = 1.0
"""Extra seconds after the request timeout for responses to be flushed."""
CLOSE_DELAY_SECONDS = 0.25
"""Seconds from the last new connection to closing the listener; clients connected by then are answered."""


class DrainingServer(uvicorn.Server):
    """uvicorn, but SIGTERM begins a drain instead of closing the listener at once.

    While draining every answer closes its connection, so that clients with keep-alive connections reconnect
    to other pods. Then the listener first stops accepting connections and closes a moment later: closing
    resets whatever is in the kernel's accept queue, which must be empty by then.

    It runs in any thread, since the model may block the main thread: signals are read from a socket.

    Args:
        config: uvicorn's configuration.
        model_server: The application.
        drain_seconds: How long requests are still answered after SIGTERM.
        signals: The signals that end the server.
        forks: Gets the port of the listener.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        model_server: ModelServer,
        drain_seconds: float,
        signals: EndSignals,
        forks: ForkGuard,
    ) -> None:
        super().__init__(config)
        self._model_server = model_server
        self._drain_seconds = drain_seconds
        self._signals = signals
        self._forks = forks
        self._count = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and handle signals from the first moment."""
        asyncio.get_running_loop().add_reader(self._signals.fileno(), self._read_signals)
        await super().startup(sockets)
        self._forks.port = self.servers[0].sockets[0].getsockname()[1]

    def _read_signals(self) -> None:
        for sig in self._signals.received():
            self._handle_signal(sig)

    def _handle_signal(self, sig: int) -> None:
        """Drain on the first signal; end at once on a second Ctrl+C."""
        self._count += 1
        if self._count == 1:
            self._begin_drain(sig)
        else:
            self.force_exit = sig == signal.SIGINT
            self.stop()

    def _begin_drain(self, sig: int) -> None:
        if not self._model_server.lifecycle.drain():
            self._model_server.lifecycle.interrupt()
            self.stop()
            return
        # Ctrl+C at a terminal: there is no load balancer to wait for.
        wait = self._drain_seconds if sig == signal.SIGTERM else 0.0
        asyncio.get_running_loop().call_later(wait, self._stop_accepting)

    def _stop_accepting(self) -> None:
        for server in self.servers:
            for listener in server.sockets:
                stop_accepting_connections(listener.fileno())
        asyncio.get_running_loop().call_later(CLOSE_DELAY_SECONDS, self.stop)

    def stop(self) -> None:
        """Close the listener and finish what is in flight."""
        self.should_exit = True


def server_config(app: ModelServer, settings: Settings) -> uvicorn.Config:
    """Return uvicorn's settings: its fast loop and parser, our logs, time for requests in flight."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=partial(BoundedProtocol, UnfinishedHeads(settings.request_timeout_seconds)),  # type: ignore[arg-type]
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(settings.request_timeout_seconds + GRACE_AFTER_DEADLINE),
    )
