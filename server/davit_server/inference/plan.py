"""How this model is best called, decided once at load by a list of checks, each with its reason."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from davit_server.runtimes.base import Joined
from davit_server.runtimes.boosters import joined_boosters
from davit_server.runtimes.joined import joined_direct, joined_pyfunc
from davit_server.runtimes.linear import joined_linear
from davit_server.runtimes.onnx import NotConvertibleError, onnx_ways, require_onnx
from davit_server.runtimes.pyfunc import PyfuncModel
from davit_server.runtimes.rows import Rows
from davit_server.runtimes.selfcheck import differs_by_row, differs_from, measure_cost, sample_parts
from davit_server.runtimes.sklearn import joined_sklearn

logger = logging.getLogger(__name__)

INLINE_SECONDS = 0.003
"""Calls expected to be shorter run in the event loop: handing them to a thread would cost more."""


CHECK_SECONDS = 5.0
"""Trying out rows ends after that, so that a slow model still becomes ready."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What whoever runs the server wants of the plan.

    Attributes:
        plan: `auto`: the fastest way that answers exactly as pyfunc does; `pyfunc`: never past the flavor's
            own data-frame interface; `onnx`: by onnxruntime, if that is close enough.
        tolerance: How far floating-point answers of onnxruntime may be from pyfunc's, as a share of them.
        batching: `off` keeps requests apart whatever the checks say.
    """

    plan: Literal["auto", "pyfunc", "onnx"] = "auto"
    tolerance: float = 1e-5
    batching: Literal["auto", "off"] = "auto"


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
        """`native`, `onnx`, `pyfunc` or `each`."""
        return self.joined.name if self.joined else "each"

    def inline(self, rows: int) -> bool:
        """Whether predicting so many rows is short enough for the event loop."""
        return self.trusted and self.call_seconds + rows * self.row_seconds < INLINE_SECONDS


def choose_plan(model: PyfuncModel, wishes: Wishes) -> Plan:
    """Pick the fastest way that answers as plain pyfunc does.

    Args:
        model: The loaded model.
        wishes: What may be chosen from.

    Raises:
        ModelRejected: A library that was asked for is not installed.
    """
    if wishes.plan == "onnx":
        require_onnx()
    plain = joined_pyfunc(model)
    if plain is None:
        return _without(
            wishes, Plan(), "requests need MLflow's own parsing (no signature, or one of nested types)"
        )
    plan = Plan(joined=plain, trusted=model.facts.trusted_code)
    parts = _usable_parts(model, plain)
    if not parts:
        return _without(wishes, plan, "not batched: no input example or random rows to check with")
    if wishes.plan != "onnx" or not _consider_onnx(plan, model, parts, wishes.tolerance):
        _consider_faster(plan, model, parts, native=wishes.plan != "pyfunc")
    _consider_batching(plan, wishes.batching, parts)
    if plan.trusted and plan.joined:
        plan.call_seconds, plan.row_seconds = measure_cost(plan.joined, parts[0])
    return plan


def _without(wishes: Wishes, plan: Plan, reason: str) -> Plan:
    """A plan that nothing could be compared with; says so to whoever asked for a particular one."""
    plan.reasons.append(reason)
    if wishes.plan == "onnx":
        logger.warning("DAVIT_PLAN=onnx is not followed: %s", reason)
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


def _consider_onnx(plan: Plan, model: PyfuncModel, parts: list[Rows], tolerance: float) -> bool:
    """Take onnxruntime if it is close enough; else say once, loudly, why not."""
    plain = plan.joined
    if plain is None:
        return False
    objection = ""
    try:
        for way in onnx_ways(model, plain.predict([parts[0]])[0]):
            objection = _objection(plain, way.call, parts, tolerance)
            if not objection:
                plan.joined = way.call
                close = f"labels identical to pyfunc's, numbers within {tolerance:g}"
                plan.reasons.append(f"onnx, computing in {way.dtype}: {close}")
                return True
            plan.reasons.append(f"onnx, computing in {way.dtype}, not used: {objection}")
    except NotConvertibleError as failure:
        objection = str(failure)
        plan.reasons.append(f"onnx not used: {objection}")
    logger.warning("DAVIT_PLAN=onnx is not followed: %s", objection)
    return False


def _consider_faster(plan: Plan, model: PyfuncModel, parts: list[Rows], *, native: bool) -> None:
    """Take the fastest way that answers identically."""
    plain = plan.joined
    if plain is None:
        return
    for name, make in _candidates(native=native):
        candidate = make(model)
        if candidate is None:
            continue
        objection = _objection(plain, candidate, parts)
        if not objection:
            plan.joined = candidate
            plan.reasons.append(f"{name}: its answers are identical to those of pyfunc")
            return
        plan.reasons.append(f"{name} not used: {objection}")


def _candidates(*, native: bool) -> Iterator[tuple[str, Callable[[PyfuncModel], Joined | None]]]:
    """The ways that might answer identically, the fastest first."""
    if native:
        yield "native formula", joined_linear
        yield "native trees", joined_boosters
        yield "native estimator", joined_sklearn
    yield "pyfunc without schema enforcement", joined_direct


def _objection(plain: Joined, candidate: Joined, parts: list[Rows], tolerance: float = 0.0) -> str:
    """Why a way may not be used; empty when it answers as pyfunc does."""
    try:
        return differs_from(plain, candidate, parts, tolerance)
    except Exception as failure:  # noqa: BLE001  a pipeline may need column names, say
        return f"it raises {type(failure).__name__}"


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
