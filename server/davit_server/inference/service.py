"""The model as a service: reading, admission, deadline and metrics of requests."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from davit_server.errors import InvalidInput, Overloaded, RequestError
from davit_server.formats.limits import DEFAULT_CELLS, DEFAULT_ROWS, TableLimits
from davit_server.inference.plan import Plan
from davit_server.inference.scheduler import Scheduler
from davit_server.runtimes.base import PredictionRequest
from davit_server.runtimes.encoding import encode_bare, encode_predictions
from davit_server.runtimes.pyfunc import Parsed, PyfuncModel
from davit_server.telemetry.metrics import WorkerMetrics


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one request."""

    timeout_seconds: float = 60
    max_queue: int = 256
    max_rows: int = DEFAULT_ROWS
    max_cells: int = DEFAULT_CELLS


class InferenceService:
    """Read requests for one model and predict them.

    Args:
        model: The loaded model.
        plan: How it is called.
        limits: Limits of a request.
        metrics: Counts waiting times and batches.
        loop: The event loop that requests arrive in.
    """

    def __init__(
        self,
        model: PyfuncModel,
        plan: Plan,
        limits: Limits,
        metrics: WorkerMetrics,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.model = model
        self.plan = plan
        self._limits = limits
        self.table_limits = TableLimits(limits.max_rows, limits.max_cells)
        self._scheduler = Scheduler(plan, metrics, loop)
        self._metrics = metrics

    @property
    def hung(self) -> bool:
        """Whether only a restart helps."""
        return self._scheduler.hung

    @property
    def depth(self) -> int:
        """How many requests wait for the model."""
        return self._scheduler.depth

    def admit(self) -> None:
        """Refuse a request before its body is read.

        Raises:
            Overloaded: The queue is full.
        """
        if self._scheduler.depth >= self._limits.max_queue:
            raise Overloaded(
                f"{self._limits.max_queue} requests wait already, which fills the queue; try again.",
                retry_after=1,
            )

    def read_document(self, document: Any) -> PredictionRequest:
        """Read a JSON request in MLflow's protocol.

        Raises:
            InvalidInput: The body is not a JSON object.
            TooLarge: There are more rows or cells than allowed.
        """
        limits = self._limits
        return read_document(self.model, self.plan, document, limits.max_rows, limits.max_cells)

    def read_parsed(self, parse: Callable[[], Parsed]) -> PredictionRequest:
        """Return a request of another format, which is parsed where it is predicted, off the event loop."""

        def alone() -> Any:
            parsed = parse()
            if hasattr(parsed.data, "__len__"):
                self.table_limits.check_rows(len(parsed.data))
            return self.model.predict(parsed)

        return PredictionRequest(predict_alone=alone, encode=encode_predictions)

    async def predict(self, request: PredictionRequest, started: float) -> Any:
        """Return the encoded answer.

        Args:
            request: A request from one of the `read_` methods.
            started: When it began, on the clock of `time.perf_counter`.

        Raises:
            RequestError: The request or the model failed, or it took too long.
        """
        self.admit()
        answer = await self._scheduler.submit(request, started + self._limits.timeout_seconds)
        if isinstance(answer, RequestError):
            raise answer
        return answer

    def close(self) -> None:
        """Release the threads that predict."""
        self._scheduler.close()


def read_document(
    model: PyfuncModel, plan: Plan, document: Any, max_rows: int, max_cells: int = DEFAULT_CELLS
) -> PredictionRequest:
    """Recognise a plain request, or leave it to MLflow's own parsing.

    Raises:
        InvalidInput: The body is not a JSON object.
        TooLarge: There are more rows or cells than allowed.
    """
    if type(document) is not dict:
        raise InvalidInput(f"The body must be a JSON object, not {_json_type(document)}.")
    predictor = plan.predictor
    recognised = predictor.read(document) if predictor is not None else None
    if recognised is not None:
        part, rows = recognised
        if rows > max_rows:
            TableLimits(max_rows, max_cells).check_rows(rows)
        alone = partial(_check_and_predict, model, document, max_cells)
        return PredictionRequest(alone, encode_predictions, rows, part, plan.name if plan.batching else None)
    rows = _check(model, document, max_rows, max_cells)
    encode = encode_bare if model.is_chat(document) else encode_predictions
    return PredictionRequest(partial(_predict_document, model, document), encode, rows)


def _check(model: PyfuncModel, document: dict[str, Any], max_rows: int, max_cells: int) -> int:
    """Return the rows of a request; refuse one that is too large for MLflow's parsing."""
    boxed = not model.signature.from_type_hint
    return TableLimits(max_rows, max_cells).check_document(document, boxed=boxed)


def _check_and_predict(model: PyfuncModel, document: dict[str, Any], max_cells: int) -> Any:
    """Predict plain rows, which have been counted, by MLflow's own parsing after all."""
    _check(model, document, max_cells, max_cells)
    return _predict_document(model, document)


def _predict_document(model: PyfuncModel, document: dict[str, Any]) -> Any:
    return model.predict(model.parse(document))


def _json_type(value: Any) -> str:
    """Return JSON's name for the type of a value."""
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
