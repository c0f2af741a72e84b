"""How a model is called: the constraints, and the choice."""

from dataclasses import dataclass, field
from typing import Literal

from davit_server.runtimes.base import BatchPredictor

INLINE_SECONDS = 0.003
"""Shorter calls run in the event loop: passing them to a thread would cost more."""

MAX_BATCH_ROWS = 1024
"""Rows of the largest shared call."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Constraints on the plan, from the settings.

    Attributes:
        plan: `auto`: the fastest predictor with exactly pyfunc's answers; `pyfunc`: always through the
            flavor's own data-frame interface; `onnx`: onnxruntime, if it is close enough.
        tolerance: Largest relative difference of floating-point answers of onnxruntime from pyfunc's.
        batching: `auto`: requests share calls where rows are known to be independent; `enabled`: they are
            declared to be; `off`: requests never share calls.
        concurrency: Most calls that run at the same time; 0 for a default by flavor.
        startup_predictions: Whether the model may be called before its first request.
        deadline_seconds: How long one step of the checks may take.
    """

    plan: Literal["auto", "pyfunc", "onnx"] = "auto"
    tolerance: float = 1e-5
    batching: Literal["auto", "enabled", "off"] = "auto"
    concurrency: int = 0
    startup_predictions: bool = True
    deadline_seconds: float = 60.0


@dataclass(slots=True)
class Plan:
    """How requests reach the model.

    Attributes:
        predictor: Predicts plain rows; None when each request goes through MLflow's own parsing.
        batching: Whether requests may share a call.
        trusted: Whether the predicting code only computes, so that it may run in the event loop.
        concurrency: Most calls that run at the same time.
        call_seconds: Fixed cost of a call.
        row_seconds: Additional cost of each row.
        reasons: Why this plan was chosen, for logs and metadata.
        predictions: Number of calls of the model by the checks.
    """

    predictor: BatchPredictor | None = None
    batching: bool = False
    trusted: bool = False
    concurrency: int = 1
    call_seconds: float = 1.0
    row_seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)
    predictions: int = 0

    @property
    def name(self) -> str:
        """`native`, `onnx`, `pyfunc` or `each`."""
        return self.predictor.name if self.predictor else "each"

    def inline(self, rows: int) -> bool:
        """Return whether a call with this number of rows is short enough for the event loop."""
        return self.trusted and self.call_seconds + rows * self.row_seconds < INLINE_SECONDS
