"""Deliveries of MLflow's webhook over HTTP, and the tasks that follow from them.

Connections are few and short, so that slow clients take nothing from the rest of the operator; the probes
have a port of their own.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

from aiohttp import web

from davit_operator.domain.webhook import Delivery, Outcome
from davit_operator.engine.rounds import Rounds
from davit_operator.handlers.http import Limits, serve
from davit_operator.models.hints import Hints, Receiver
from davit_operator.models.subscriber import Subscriber

logger = logging.getLogger(__name__)

PATH = "/mlflow"
MOST_BYTES = 64 << 10
"""A delivery is some hundred bytes; a new version's tags and description may make it a few thousand."""

LIMITS = Limits(connections=16, seconds=5)

_LOOK_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 10.0

_STATUS = {Outcome.ACCEPTED: HTTPStatus.OK, Outcome.IGNORED: HTTPStatus.OK}
"""Everybody else learns nothing. MLflow does not try again after such an answer."""


_HEADERS = ("Delivery-Id", "Timestamp", "Signature")


def serve_receiver(
    receiver: Receiver, port: int, limits: Limits = LIMITS
) -> AbstractAsyncContextManager[int]:
    """Serves the receiver while the context lasts; it yields the port."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            return web.Response(status=HTTPStatus.NOT_IMPLEMENTED)
        delivery = await _read(request)
        if delivery is None:
            receiver.count(Outcome.MALFORMED)
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        return web.Response(status=_STATUS.get(receiver.receive(delivery), HTTPStatus.FORBIDDEN))

    return serve(answer, port, limits)


async def _read(request: web.BaseRequest) -> Delivery | None:
    length = request.content_length
    if length is None or length > MOST_BYTES or request.raw_path != PATH:
        return None
    body = await request.read()
    named = {name: request.headers.get(f"X-MLflow-{name}", "") for name in _HEADERS}
    return Delivery(named["Delivery-Id"], named["Timestamp"], named["Signature"], body)


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
