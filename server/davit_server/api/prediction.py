"""Answer the two routes that predict, as raw ASGI: FastAPI's own route would cost more than most models.

This is the only place where speed determines the structure of the code; all other routes are FastAPI's.
"""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, Protocol

from davit_server.api.errors import JSON_TYPE, error_body, error_headers, internal_error, status_of
from davit_server.api.identity import Headers, Identity
from davit_server.errors import ClientGone, DeadlineExceeded, ModelFailed, ModelRaised, NotReady, RequestError
from davit_server.inference.service import InferenceService
from davit_server.inference.state import ServerState
from davit_server.protocols.bodies import BodyLimits, Receive, Scope, read_body, require_plain
from davit_server.runtimes.base import PredictionRequest
from davit_server.telemetry.logging import describe_raised
from davit_server.telemetry.metrics import WorkerMetrics

logger = logging.getLogger(__name__)
access = logging.getLogger("davit.access")

READ_AT_ONCE_BYTES = 128 * 1024
"""Bodies up to this size are read in the event loop, in a few milliseconds at most."""

STARTED = "davit.started"
"""Key of a scope: when the first byte of a slow request arrived, on the clock of `time.perf_counter`."""

Send = Callable[[dict[str, Any]], Awaitable[None]]


class RequestReader(Protocol):
    """Read the requests of one protocol."""

    def read(
        self, service: InferenceService, scope: Scope, content_type: bytes, body: bytes
    ) -> PredictionRequest:
        """Return the request in the form that the model can be called with.

        Raises:
            RequestError: The request is malformed, too large, or of an unsupported type.
        """


class PredictionRoute:
    """One predicting route: admission, body, model, answer, metrics.

    Args:
        protocol: Reads requests.
        state: Holds the service once the model is loaded.
        identity: Provides the headers of every answer.
        limits: Limits of a body.
        metrics: Counts requests.
        reading: One thread that reads large bodies, shared by all routes.
        access_log: Whether to log each request.
    """

    def __init__(
        self,
        protocol: RequestReader,
        state: ServerState,
        identity: Identity,
        limits: BodyLimits,
        metrics: WorkerMetrics,
        reading: Executor,
        *,
        access_log: bool,
    ) -> None:
        self._read = protocol.read
        self._state = state
        self._identity = identity
        self._limits = limits
        self._metrics = metrics
        self._access_log = access_log
        self._reading = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one POST."""
        started = scope.get(STARTED) or time.perf_counter()
        self._metrics.in_flight.add(1.0)
        request_id = self._identity.request_id(scope)
        outcome, status = "ok", 200
        extra: Headers = []
        content_type = JSON_TYPE
        try:
            answer = await self._predict(scope, receive, started)
            if type(answer) is bytes:
                body = answer
            else:
                body, content_type, extra = answer
        except ClientGone:
            self._finish(scope, request_id, "cancelled", 499, started)
            return
        except RequestError as failure:
            if isinstance(failure, ModelRaised | ModelFailed):
                _log_model_at_fault(failure, request_id)
            outcome, status, body, extra = _error_response(failure)
        except Exception as failure:
            logger.exception(
                "a request failed unexpectedly", extra={"fields": {"request_id": request_id.decode()}}
            )
            outcome, status, body, extra = _error_response(internal_error(request_id.decode()))
            outcome = "error"
            del failure
        headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            *extra,
            *self._identity.headers(request_id),
        ]
        try:
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        finally:
            self._finish(scope, request_id, outcome, status, started)

    async def _predict(self, scope: Scope, receive: Receive, started: float) -> Any:
        """Read a request and return the encoded answer."""
        service = self._state.service
        if service is None:
            raise NotReady("The model is still being loaded; try again.", retry_after=2)
        service.admit()
        content_type = require_plain(scope)
        body = await read_body(scope, receive, self._limits, started)
        if len(body) <= READ_AT_ONCE_BYTES:
            request = self._read(service, scope, content_type, body)
        else:
            request = await self._read_in_thread(started, service, scope, content_type, body)
        return await service.predict(request, started)

    async def _read_in_thread(self, started: float, *request: Any) -> PredictionRequest:
        """Read a large body in a thread, so that probes and small requests are answered meanwhile."""
        loop = asyncio.get_running_loop()
        left = self._limits.seconds - (time.perf_counter() - started)
        try:
            async with asyncio.timeout(left):
                return await loop.run_in_executor(
                    self._reading, read_without_collecting, self._read, *request
                )
        except TimeoutError as failure:
            raise DeadlineExceeded(
                "Reading the request took longer than a request may take; send fewer rows or try again."
            ) from failure

    def _finish(self, scope: Scope, request_id: bytes, outcome: str, status: int, started: float) -> None:
        """Count the request and, if wanted, log it."""
        seconds = time.perf_counter() - started
        self._metrics.finish(outcome, seconds)
        self._metrics.in_flight.add(-1.0)
        if self._access_log:
            fields = {
                "request_id": request_id.decode(),
                "path": scope["path"],
                "status": status,
                "outcome": outcome,
                "seconds": round(seconds, 6),
            }
            access.info("request", extra={"fields": fields})


def _log_model_at_fault(failure: ModelRaised | ModelFailed, request_id: bytes) -> None:
    """Log what the model raised and where, for its author; at DEBUG also the exception's own text."""
    fields = {"request_id": request_id.decode()}
    if failure.__cause__ is not None:
        fields |= describe_raised(failure.__cause__, with_text=logger.isEnabledFor(logging.DEBUG))
    if isinstance(failure, ModelRaised):
        logger.warning("the model raised on a request", extra={"fields": fields})
    else:
        fields["reason"] = failure.message
        logger.warning("the model's answer cannot be sent", extra={"fields": fields})


def read_without_collecting(read: Callable[..., PredictionRequest], *request: Any) -> PredictionRequest:
    """Read a body without garbage collection, which would visit millions of new objects repeatedly.

    A decoded body has no reference cycles. Only one thread at a time may do this.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        return read(*request)
    finally:
        if collected:
            gc.enable()


def _error_response(failure: RequestError) -> tuple[str, int, bytes, Headers]:
    """Return outcome, status, body and headers of a failure."""
    return (
        failure.outcome,
        status_of(failure),
        error_body(failure.code, failure.message),
        error_headers(failure),
    )
