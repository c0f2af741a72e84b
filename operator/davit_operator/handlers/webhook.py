"""Deliveries of MLflow's webhook over HTTP, and the tasks that follow from them.

Threads of their own answer, few enough and with time limits, so that strangers who keep connections open
disturb neither the event loop nor the probes, which have a port of their own.
"""

import asyncio
import logging
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from davit_operator.domain.webhook import Delivery, Outcome
from davit_operator.engine.rounds import Rounds
from davit_operator.models.hints import Hints, Receiver
from davit_operator.models.subscriber import Subscriber

logger = logging.getLogger(__name__)

PATH = "/mlflow"
MOST_BYTES = 64 << 10
"""A delivery is some hundred bytes; a new version's tags and description may make it a few thousand."""

_MOST_THREADS = 16
_SOCKET_SECONDS = 5.0
_LOOK_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 10.0

_STATUS = {Outcome.ACCEPTED: HTTPStatus.OK, Outcome.IGNORED: HTTPStatus.OK}
"""Everybody else learns nothing. MLflow does not try again after such an answer."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._slots = threading.BoundedSemaphore(_MOST_THREADS)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, *_: Any) -> None:
        """A connection that breaks is its sender's trouble."""


_HEADERS = ("Delivery-Id", "Timestamp", "Signature")


def start_receiver(receiver: Receiver, port: int) -> ThreadingHTTPServer:
    """Answers from now on; `shutdown` and `server_close` end it. Port 0 takes any free one."""

    class Handler(BaseHTTPRequestHandler):
        timeout = _SOCKET_SECONDS
        error_message_format = ""

        def do_POST(self) -> None:
            delivery = self._read()
            if delivery is None:
                receiver.count(Outcome.MALFORMED)
                return self._answer(HTTPStatus.BAD_REQUEST)
            return self._answer(_STATUS.get(receiver.receive(delivery), HTTPStatus.FORBIDDEN))

        def _read(self) -> Delivery | None:
            length = self.headers.get("Content-Length", "")
            if not length.isdecimal() or int(length) > MOST_BYTES:
                return None
            body = self.rfile.read(int(length))
            if self.path != PATH:
                return None
            named = {name: self.headers.get(f"X-MLflow-{name}", "") for name in _HEADERS}
            return Delivery(named["Delivery-Id"], named["Timestamp"], named["Signature"], body)

        def _answer(self, status: HTTPStatus) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def version_string(self) -> str:
            return "davit"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Counted instead: whoever can reach the port could fill the log."""

    server = _Server(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="webhook", daemon=True).start()
    return server


async def run_hints(hints: Hints, rounds: Rounds) -> None:
    """Looks at what each hint is about, until cancelled. Polling makes up for a look that fails."""
    while True:
        models = await hints.take()
        try:
            await rounds.run_for(models)
        except Exception:
            logger.exception("A look after a webhook met a bug")


async def run_subscription(subscriber: Subscriber) -> None:
    """Keeps our webhook in MLflow until cancelled."""
    while True:
        try:
            fine = await subscriber.look()
        except Exception:
            logger.exception("Looking after the webhook met a bug")
            fine = False
        await asyncio.sleep(_LOOK_SECONDS if fine else _LOOK_AGAIN_SECONDS)
