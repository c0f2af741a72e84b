"""Receive deliveries of MLflow's webhook over HTTP, and run the tasks that handle them.

Connections are limited in number and duration, so that slow clients cannot exhaust the operator; the probes
use another port.
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
MAX_BODY_BYTES = 64 << 10
"""A delivery has some hundred bytes; the tags and description of a version can add a few thousand."""

LIMITS = Limits(connections=16, seconds=5)

_CHECK_SECONDS = 60.0
_RETRY_SECONDS = 10.0

_STATUS = {Outcome.ACCEPTED: HTTPStatus.OK, Outcome.IGNORED: HTTPStatus.OK}
"""Every other outcome is answered with 403, which MLflow does not retry."""


_HEADERS = ("Delivery-Id", "Timestamp", "Signature")


def serve_receiver(
    receiver: Receiver, port: int, limits: Limits = LIMITS
) -> AbstractAsyncContextManager[int]:
    """Serve the webhook receiver while the context is open; yield the port."""

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
    if length is None or length > MAX_BODY_BYTES or request.raw_path != PATH:
        return None
    body = await request.read()
    named = {name: request.headers.get(f"X-MLflow-{name}", "") for name in _HEADERS}
    return Delivery(named["Delivery-Id"], named["Timestamp"], named["Signature"], body)


async def run_hints(hints: Hints, rounds: Rounds) -> None:
    """Resync the followers of each changed model until cancelled; polling makes up for a failed resync."""
    while True:
        models = await hints.take()
        try:
            await rounds.run_for(models)
        except Exception:
            logger.exception("Unexpected error in the resync after a webhook delivery")


async def run_subscription(subscriber: Subscriber) -> None:
    """Keep the operator's webhook registered in MLflow until cancelled."""
    while True:
        try:
            is_registered = await subscriber.look()
        except Exception:
            logger.exception("Unexpected error while checking the webhook registration")
            is_registered = False
        await asyncio.sleep(_CHECK_SECONDS if is_registered else _RETRY_SECONDS)
