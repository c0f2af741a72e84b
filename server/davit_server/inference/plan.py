"""How a model is called: what may be chosen from, and what was chosen."""

from dataclasses import dataclass, field
from typing import Literal

from davit_server.runtimes.base import BatchPredictor

INLINE_SECONDS = 0.003
"""Calls expected to be shorter run in the event loop: handing them to a thread would cost more."""

MAX_BATCH_ROWS = 1024
"""Rows of the largest call that requests share."""


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """Constraints on the plan, from the settings.

    Attributes:
        plan: `auto`: the fastest way that answers exactly as pyfunc does; `pyfunc`: never past the flavor's
            own data-frame interface; `onnx`: by onnxruntime, if that is close enough.
        tolerance: Largest relative difference of floating-point answers of onnxruntime from pyfunc's.
        batching: `auto`: requests share calls where independence is known; `enabled`: it is declared; `off`:
            never.
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
        call_seconds: What a call costs by itself.
        row_seconds: What each row adds.
        reasons: Why it is this plan, for logs and metadata.
        predictions: How often the model was called to find out.
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
        """Return whether predicting so many rows is short enough for the event loop."""
        return self.trusted and self.call_seconds + rows * self.row_seconds < INLINE_SECONDS
