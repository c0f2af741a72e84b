"""uvicorn, taught to drain."""

import asyncio
import signal
import socket
from types import FrameType

import uvicorn

from davit_server.app import ModelServer
from davit_server.settings import Settings

GRACE_AFTER_DEADLINE = 1.0
"""Seconds that answers get to leave after the last request's deadline."""


class DrainingServer(uvicorn.Server):
    """uvicorn, but SIGTERM begins a drain instead of closing the listener at once.

    While draining every answer closes its connection, so that clients with kept-alive connections move
    over to other pods; when the listener closes at last nobody has a connection left to lose.

    Args:
        config: uvicorn's own.
        model_server: The application.
        drain_seconds: How long to go on answering.
    """

    def __init__(self, config: uvicorn.Config, model_server: ModelServer, drain_seconds: float) -> None:
        super().__init__(config)
        self._model_server = model_server
        self._drain_seconds = drain_seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signals = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Remember the loop that signals have to reach."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """First signal: drain. Second Ctrl+C: leave at once."""
        del frame
        self._signals += 1
        if self._signals > 1:
            self.force_exit = sig == signal.SIGINT
            self.should_exit = True
        elif self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._begin_drain, sig)

    def _begin_drain(self, sig: int) -> None:
        drained = self._model_server.lifecycle.drain()
        # A person at a terminal does not want to wait for load balancers.
        wait = self._drain_seconds if drained and sig == signal.SIGTERM else 0.0
        asyncio.get_running_loop().call_later(wait, self.stop)

    def stop(self) -> None:
        """Close the listener and finish what is in flight."""
        self.should_exit = True


def server_config(app: ModelServer, settings: Settings) -> uvicorn.Config:
    """The settings of uvicorn: its fast loop and parser, our logs, time for what is in flight."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
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
