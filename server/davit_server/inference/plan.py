"""How this model is best called, decided once at load by a list of checks, each with its reason."""

import logging
import time
from dataclasses import dataclass, field
from typing import Literal

from davit_server.runtimes.base import Joined
from davit_server.runtimes.joined import joined_direct, joined_pyfunc
from davit_server.runtimes.linear import joined_linear
from davit_server.runtimes.pyfunc import PyfuncModel
from davit_server.runtimes.rows import Rows
from davit_server.runtimes.selfcheck import differs_by_row, differs_from, measure_cost, sample_parts
from davit_server.runtimes.sklearn import joined_sklearn

logger = logging.getLogger(__name__)

INLINE_SECONDS = 0.003
"""Calls expected to be shorter run in the event loop: handing them to a thread would cost more."""


CHECK_SECONDS = 5.0
"""Trying out rows ends after that, so that a slow model still becomes ready."""


@dataclass(slots=True)
class Plan:
    """How requests reach the model.

    Attributes:
        joined: Predicts plain rows; None when each request goes through MLflow's own parsing.
        batching: Whether requests may share a call.
        trusted: Whether the predicting code only computes, so that it may run in the event loop.
        call_seconds: What a call costs by itself.
        row_seconds: What each row adds.
        reasons: Why it is this plan, for logs and metadata.
    """

    joined: Joined | None = None
    batching: bool = False
    trusted: bool = False
    call_seconds: float = 1.0
    row_seconds: float = 0.0
    reasons: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """`native`, `pyfunc` or `each`."""
        return self.joined.name if self.joined else "each"

    def inline(self, rows: int) -> bool:
        """Whether predicting so many rows is short enough for the event loop."""
        return self.trusted and self.call_seconds + rows * self.row_seconds < INLINE_SECONDS


def choose_plan(model: PyfuncModel, batching: Literal["auto", "off"]) -> Plan:
    """Pick the fastest way that answers as plain pyfunc does.

    Args:
        model: The loaded model.
        batching: `off` keeps requests apart whatever the checks say.
    """
    plain = joined_pyfunc(model)
    if plain is None:
        return Plan(reasons=["requests need MLflow's own parsing (no signature, or one of nested types)"])
    plan = Plan(joined=plain, trusted=model.facts.trusted_code)
    parts = _usable_parts(model, plain)
    if not parts:
        plan.reasons.append("not batched: no input example or random rows to check with")
        return plan
    _consider_faster(plan, model, plain, parts)
    _consider_batching(plan, batching, parts)
    if plan.trusted and plan.joined:
        plan.call_seconds, plan.row_seconds = measure_cost(plan.joined, parts[0])
    return plan


def _usable_parts(model: PyfuncModel, plain: Joined) -> list[Rows]:
    """Sample requests that the model accepts; fewer when it raises on rows made up for it, or is slow."""
    accepted: list[Rows] = []
    until = time.perf_counter() + CHECK_SECONDS
    for part in sample_parts(model, plain):
        try:
            plain.predict([part])
        except Exception as failure:
            logger.debug("the model raised on rows made up for a check", exc_info=failure)
        else:
            accepted.append(part)
        if time.perf_counter() > until:
            break
    return accepted


def _consider_faster(plan: Plan, model: PyfuncModel, plain: Joined, parts: list[Rows]) -> None:
    """Take the fastest way that answers identically."""
    candidates = {
        "native formula": joined_linear(model),
        "native estimator": joined_sklearn(model),
        "pyfunc without schema enforcement": joined_direct(model),
    }
    for name, candidate in candidates.items():
        if candidate is None:
            continue
        try:
            objection = differs_from(plain, candidate, parts)
        except Exception as failure:  # noqa: BLE001  a pipeline may need column names, say
            objection = f"it raises {type(failure).__name__}"
        if not objection:
            plan.joined = candidate
            plan.reasons.append(f"{name}: its answers are identical to those of pyfunc")
            return
        plan.reasons.append(f"{name} not used: {objection}")


def _consider_batching(plan: Plan, batching: Literal["auto", "off"], parts: list[Rows]) -> None:
    """Let requests share a call if the model proves to be row-wise."""
    if batching == "off":
        plan.reasons.append("not batched: switched off")
        return
    if plan.joined is None or len(parts) < 3:
        plan.reasons.append("not batched: too few rows to check with")
        return
    try:
        objection = differs_by_row(plan.joined, parts)
    except Exception as failure:  # noqa: BLE001  whatever it is, such a model gets its requests one by one
        objection = f"a joined call raises {type(failure).__name__}"
    plan.batching = not objection
    plan.reasons.append(f"not batched: {objection}" if objection else "batched: rows are independent")
