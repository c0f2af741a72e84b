"""The model as a service: what may come in, how long it may take, and what is counted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from davit_server.errors import InvalidInput, Overloaded, RequestError, TooLarge
from davit_server.inference.plan import Plan
from davit_server.inference.scheduler import Scheduler
from davit_server.runtimes.base import Work
from davit_server.runtimes.encoding import encode_bare, encode_predictions
from davit_server.runtimes.pyfunc import Parsed, PyfuncModel
from davit_server.telemetry.metrics import WorkerMetrics


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may ask for."""

    timeout_seconds: float = 60
    max_queue: int = 256
    max_rows: int = 100_000


class InferenceService:
    """Reads requests for one model and predicts them.

    Args:
        model: The loaded model.
        plan: How it is called.
        limits: What a request may ask for.
        metrics: Where waiting times and batches are counted.
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
            Overloaded: As many requests wait as may.
        """
        if self._scheduler.depth >= self._limits.max_queue:
            raise Overloaded(
                f"{self._limits.max_queue} requests wait already, which is all the queue holds; try again.",
                retry_after=1,
            )

    def read_document(self, document: Any) -> Work:
        """A JSON request in MLflow's protocol.

        Raises:
            InvalidInput: Not a JSON object.
            TooLarge: More rows than allowed.
        """
        return read_document(self.model, self.plan, document, self._limits.max_rows)

    def read_parsed(self, parse: Callable[[], Parsed]) -> Work:
        """A request of another form, parsed where it is predicted, off the event loop."""

        def alone() -> Any:
            parsed = parse()
            self._check_rows(parsed.data)
            return self.model.predict(parsed)

        return Work(alone=alone, encode=encode_predictions)

    def _check_rows(self, data: Any) -> None:
        if hasattr(data, "__len__"):
            check_rows(len(data), self._limits.max_rows)

    async def predict(self, work: Work, started: float) -> Any:
        """The encoded answer.

        Args:
            work: A request as one of the `read_` methods made it.
            started: When its first byte came, on the clock of `time.perf_counter`.

        Raises:
            RequestError: The request or the model failed, or it took too long.
        """
        self.admit()
        answer = await self._scheduler.submit(work, started + self._limits.timeout_seconds)
        if isinstance(answer, RequestError):
            raise answer
        return answer

    def close(self) -> None:
        """Let go of the predicting threads."""
        self._scheduler.close()


def read_document(model: PyfuncModel, plan: Plan, document: Any, max_rows: int) -> Work:
    """Recognise a plain request, or leave it to MLflow's own parsing.

    Raises:
        InvalidInput: Not a JSON object.
        TooLarge: More rows than allowed.
    """
    if type(document) is not dict:
        raise InvalidInput(f"The body must be a JSON object, not {_json_type(document)}.")
    recognised = plan.joined.read(document) if plan.joined is not None else None
    if recognised is not None:
        part, rows = recognised
        check_rows(rows, max_rows)
        alone = partial(_predict_document, model, document)
        return Work(alone, encode_predictions, rows, part, plan.name if plan.batching else None)
    rows = count_rows(document)
    check_rows(rows, max_rows)
    chat = model.is_chat(document)
    return Work(
        partial(_predict_document, model, document), encode_bare if chat else encode_predictions, max(rows, 1)
    )


def _predict_document(model: PyfuncModel, document: dict[str, Any]) -> Any:
    return model.predict(model.parse(document))


def check_rows(rows: int, limit: int) -> None:
    """Refuse more rows than allowed.

    Raises:
        TooLarge: That is so.
    """
    if rows > limit:
        raise TooLarge(f"The request has {rows} rows; at most {limit} are allowed. Send it in parts.")


def count_rows(document: dict[str, Any]) -> int:
    """Rows of a request in any of the JSON forms, as far as that can be told without parsing it."""
    for form in ("dataframe_records", "instances", "inputs"):
        value = document.get(form)
        if isinstance(value, list):
            return len(value)
        if isinstance(value, dict) and value:
            column = next(iter(value.values()))
            return len(column) if isinstance(column, list) else 1
    split = document.get("dataframe_split")
    data = split.get("data") if isinstance(split, dict) else None
    return len(data) if isinstance(data, list) else 1


def _json_type(value: Any) -> str:
    """What JSON calls a value's type."""
    names = {list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
