"""One deadline for a whole request, from its first byte; the clock of the server is moved, so that no test waits for it."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from davit_server.process.app import create_app
from davit_server.process.listener import server_config
from support.servers.in_process import running, server_settings
from uvicorn.server import ServerState

pytestmark = pytest.mark.filterwarnings("ignore")

TIMEOUT_SECONDS = 3600.0
"""No test would end if it had to wait for this."""


class Clock:
    """The server's clock, which a test may advance."""

    def __init__(self) -> None:
        self._read = time.perf_counter
        self._ahead = 0.0

    def __call__(self) -> float:
        return self._read() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(time, "perf_counter", found)
    return found


class Connection:
    """A client's connection to a server behind a socket, both in this event loop."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, state: ServerState, body: bytes
    ) -> None:
        self.body = body
        self.reader = reader
        self.send = writer.write
        self._state = state

    async def send_half_of_a_head(self, path: str) -> None:
        """Send the first bytes of a request, and return when the server has read them."""
        self.send(f"POST {path} HTTP/1.1\r\nHost: server\r\n".encode())
        while not any(protocol._in_head for protocol in self._state.connections):  # noqa: ASYNC110  no event
            await asyncio.sleep(0)

    async def status(self) -> int:
        """Read an answer, and return its status."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await self.reader.readexactly(int(lengths[0].split(b":")[1]))
        return int(head.split()[1])


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    settings = server_settings("iris", request_timeout_seconds=TIMEOUT_SECONDS)
    app = create_app(settings)
    config = server_config(app, settings)
    config.load()
    state = ServerState()
    async with running(app):
        protocol = config.http_protocol_class
        listener = await asyncio.get_running_loop().create_server(
            lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        async with listener:
            reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
            try:
                yield Connection(reader, writer, state, app.state.service.model.example().body)
            finally:
                writer.close()
                await writer.wait_closed()


def rest_of_head(length: int) -> bytes:
    return f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()


@pytest.mark.parametrize("path", ["/invocations", "/v2/models/m/infer"])
async def test_a_body_after_a_slow_head_has_only_the_rest_of_the_time(clock, path):
    async with connected() as connection:
        await connection.send_half_of_a_head(path)
        clock.advance(TIMEOUT_SECONDS)
        connection.send(rest_of_head(len(connection.body)) + connection.body[:5])
        assert await connection.status() == 408


async def test_the_time_before_a_request_does_not_count(clock):
    async with connected() as connection:
        clock.advance(TIMEOUT_SECONDS)
        connection.send(
            b"POST /invocations HTTP/1.1\r\nHost: server\r\n"
            + rest_of_head(len(connection.body))
            + connection.body
        )
        assert await connection.status() == 200


async def test_a_slow_request_in_time_is_answered_and_the_next_one_has_its_own_deadline(clock):
    async with connected() as connection:
        for _ in range(2):
            await connection.send_half_of_a_head("/invocations")
            clock.advance(0.6 * TIMEOUT_SECONDS)
            connection.send(rest_of_head(len(connection.body)) + connection.body)
            assert await connection.status() == 200
