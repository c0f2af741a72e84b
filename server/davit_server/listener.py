"""uvicorn, taught to drain."""

import asyncio
import contextlib
import ctypes
import os
import signal
import socket
import struct
import sys
from functools import partial

import uvicorn

from davit_server.app import ModelServer
from davit_server.forking import ForkGuard
from davit_server.http_protocol import BoundedProtocol, UnfinishedHeads
from davit_server.settings import Settings
from davit_server.signals import EndSignals

GRACE_AFTER_DEADLINE = 1.0
"""Seconds that answers get to leave after the last request's deadline."""
LAST_CALL = 0.25
"""Seconds from the last new connection to the end of the listener: who has connected is still answered."""

SO_ATTACH_FILTER = 26
"""Linux' number, which Python's socket module does not have (asm-generic/socket.h)."""
DROP_NEW_CONNECTIONS = (
    (0x30, 0, 0, 13),  # load the byte of the TCP header that holds the flags
    (0x54, 0, 0, 0x12),  # keep ACK and SYN
    (0x15, 0, 1, 0x02),  # SYN alone:
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # else pass
)
"""A classic BPF program (code, jump if true, jump if false, operand): drops what would open a connection."""


class DrainingServer(uvicorn.Server):
    """uvicorn, but SIGTERM begins a drain instead of closing the listener at once.

    While draining every answer closes its connection, so that clients with kept-alive connections move
    over to other pods. At its end new connections are turned away first, and the listener closes a moment
    later: closing resets whatever waits in the kernel's queue, so by then there must be nothing in it.

    It runs in any thread, beside a main thread that the model may hold: signals are read from a socket.

    Args:
        config: uvicorn's own.
        model_server: The application.
        drain_seconds: How long to go on answering.
        signals: What ends it.
        forks: Learns the port.
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
        """Listen, and heed signals from the first moment."""
        asyncio.get_running_loop().add_reader(self._signals.fileno(), self._read_signals)
        await super().startup(sockets)
        self._forks.port = self.servers[0].sockets[0].getsockname()[1]

    def _read_signals(self) -> None:
        for sig in self._signals.received():
            self._heed(sig)

    def _heed(self, sig: int) -> None:
        """First signal: drain. Second Ctrl+C: leave at once."""
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
        # A person at a terminal does not want to wait for load balancers.
        wait = self._drain_seconds if sig == signal.SIGTERM else 0.0
        asyncio.get_running_loop().call_later(wait, self._last_call)

    def _last_call(self) -> None:
        for server in self.servers:
            for listener in server.sockets:
                turn_newcomers_away(listener.fileno())
        asyncio.get_running_loop().call_later(LAST_CALL, self.stop)

    def stop(self) -> None:
        """Close the listener and finish what is in flight."""
        self.should_exit = True


def turn_newcomers_away(listener: int) -> None:
    """Let a listening socket open no more connections, in all processes that share it.

    Those that are open, or wait to be accepted, are not touched. A client that comes now hears nothing; it
    tries again a second later by itself and is refused, because the listener has closed by then. Elsewhere
    than on Linux this does nothing.

    Args:
        listener: The socket's file descriptor.
    """
    if sys.platform != "linux":
        return
    instructions = b"".join(struct.pack("HBBI", *instruction) for instruction in DROP_NEW_CONNECTIONS)
    program = ctypes.create_string_buffer(instructions, len(instructions))
    described = struct.pack("HP", len(DROP_NEW_CONNECTIONS), ctypes.addressof(program))
    # A sandbox may forbid it: then a connection can be reset in the instant of closing, nothing worse.
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(listener)) as twin:
        twin.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described)


def server_config(app: ModelServer, settings: Settings) -> uvicorn.Config:
    """The settings of uvicorn: its fast loop and parser, our logs, time for what is in flight."""
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
