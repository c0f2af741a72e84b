"""uvicorn's HTTP protocol with limits on the size and time of a request's head.

uvicorn itself waits without limit for the end of a request's headers and keeps any number of them. Here one
timer for the whole server, not one for each request, watches all connections with an incomplete head, so that
a request that arrives in one piece costs only two comparisons.
"""

import asyncio
import time
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from davit_server.api.errors import error_body
from davit_server.api.prediction import STARTED

MAX_HEAD_BYTES = 64 * 1024
MAX_URL_BYTES = 16 * 1024
MAX_HEADERS = 128
SWEEPS = 4
"""Checks of unfinished heads within the time that a head may take; at least one a second."""


class UnfinishedHeads:
    """The connections that wait for the end of a request's head, or for its first byte.

    Args:
        seconds: How long a head may take from its first byte.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waiting: dict[BoundedProtocol, float] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def watch(self, connection: "BoundedProtocol", seconds: float) -> None:
        """Close a connection after a time, unless `forget` is called before."""
        self._waiting[connection] = connection.loop.time() + seconds
        if self._sweep is None:
            self._schedule(connection.loop)

    def forget(self, connection: "BoundedProtocol") -> None:
        """Stop watching a connection: its head is complete, or it is closed."""
        self._waiting.pop(connection, None)

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweep = loop.call_later(min(1.0, self.seconds / SWEEPS), self._close_expired, loop)

    def _close_expired(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweep = None
        now = loop.time()
        for connection in [connection for connection, until in self._waiting.items() if until <= now]:
            self.forget(connection)
            connection.expire()
        if self._waiting:
            self._schedule(loop)


class BoundedProtocol(HttpToolsProtocol):
    """One connection, with limits for the size and the time of a request's head.

    Args:
        heads: Shared by all connections of a server.
        arguments: uvicorn's own arguments.
    """

    def __init__(self, heads: UnfinishedHeads, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._heads = heads
        self._watched = False
        self._begun = False
        self._in_head = False
        self._head_started: float | None = None
        """When the first byte of a head that arrives in several pieces came: the deadline counts from it."""
        self._received = 0
        """Bytes since the last piece of a body: at least as many as belong to the head."""
        self._refusal: tuple[HTTPStatus, str, str] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give a new connection the time of an idle one for its first byte."""
        super().connection_made(transport)
        self._watched = True
        self._heads.watch(self, self.timeout_keep_alive)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching the connection."""
        self._heads.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse more bytes; watch and limit a head that they leave unfinished."""
        self._received += len(data)
        super().data_received(data)
        cycle = self.cycle
        if self._in_head or cycle is None or cycle.response_complete:
            self._await_head(data)
        elif not cycle.more_body or cycle.message_event.is_set():
            self._received = 0
        elif self._received > MAX_HEAD_BYTES:
            # No body bytes among so many: these are trailers, or extensions of chunks.
            self._refuse_size()
            self.send_400_response("")

    def _await_head(self, data: bytes) -> None:
        """Watch a connection that has sent a part of a head, or bytes outside of any request."""
        if self.transport.is_closing():
            return
        if self._in_head and self._head_started is None:
            self._head_started = time.perf_counter()
        if not self._begun:
            # Earlier bytes of the same piece belong to another request.
            self._begun = self._watched = True
            self._received = min(self._received, len(data), MAX_HEAD_BYTES)
            self._heads.watch(self, self._heads.seconds)
        elif self._in_head and self._received > 2 * MAX_HEAD_BYTES:
            self._refuse_size()
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Begin the request, whose head is complete, unless the head is too large.

        Raises:
            ValueError: The head is too large. The parser turns this into its own error, for which uvicorn
                calls `send_400_response`.
        """
        self._in_head = self._begun = False
        if self._watched:
            self._watched = False
            self._heads.forget(self)
            if self._head_started is not None:
                self.scope[STARTED] = self._head_started  # type: ignore[literal-required]
                self._head_started = None
        if len(self.url) > MAX_URL_BYTES:
            self._refuse(
                HTTPStatus.REQUEST_URI_TOO_LONG, "URI_TOO_LONG", f"at most {MAX_URL_BYTES} bytes of URL"
            )
        elif len(self.headers) > MAX_HEADERS or (
            self._received > MAX_HEAD_BYTES and self._head_bytes() > MAX_HEAD_BYTES
        ):
            self._refuse_size()
        if self._refusal is not None:
            raise ValueError("the head of a request is too large")
        super().on_headers_complete()

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_size(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            "HEADERS_TOO_LARGE",
            f"at most {MAX_HEADERS} headers of together {MAX_HEAD_BYTES} bytes",
        )

    def _refuse(self, status: HTTPStatus, code: str, allowed: str) -> None:
        self._refusal = (status, code, f"A request may have {allowed}; send less.")

    def expire(self) -> None:
        """Close the connection at its deadline, with an answer if a request had begun."""
        if self.transport.is_closing():
            return
        if not self._begun:
            self.transport.close()
            return
        message = f"The request's headers did not arrive within {self._heads.seconds:g} s."
        self._refusal = (HTTPStatus.REQUEST_TIMEOUT, "REQUEST_TIMEOUT", message)
        self.send_400_response(message)

    def send_400_response(self, msg: str) -> None:
        """Answer with our JSON object what is not a valid or acceptable request, and close."""
        del msg
        status, code, message = self._refusal or (
            HTTPStatus.BAD_REQUEST,
            "BAD_REQUEST",
            "This is not an HTTP/1.1 request.",
        )
        body = error_body(code, message)
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
