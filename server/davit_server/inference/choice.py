"""Choose how the model is called, once at load, by a list of checks that record their reasons.

Two questions are separate. *May requests share a call?* That is known for a flavor and its estimators, or
declared; checks can only veto it. *May a faster predictor replace pyfunc?* Only for library code, and only if
its answers are identical. An author's own code is called through unchanged pyfunc, and before its first
request only by the smoke test, unless its author declared independent rows.
"""

import logging
import time
from dataclasses import dataclass
from typing import Any

from davit_server.flavors.independence import DECLARATION, declared_independence
from davit_server.flavors.onnx import NotConvertibleError, onnx_predictors, require_onnx
from davit_server.flavors.table import flavor_of
from davit_server.inference.plan import MAX_BATCH_ROWS, Plan, PlanOptions
from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.batch_predictors import pyfunc_predictor
from davit_server.runtimes.pyfunc import PyfuncModel
from davit_server.runtimes.rows import Rows
from davit_server.runtimes.samples import colliding_parts, sample_parts
from davit_server.runtimes.selfcheck import differs_by_row, differs_from, measure_cost

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0
"""Checks with rows end after this time, so that a slow model still becomes ready."""


class _Counted:
    """A predictor whose calls are counted in the plan.

    Args:
        inner: The predictor itself.
        plan: Counts the calls.
    """

    def __init__(self, inner: BatchPredictor, plan: Plan) -> None:
        self.inner = inner
        self.name = inner.name
        self.read = inner.read
        self._plan = plan

    def predict(self, parts: Any) -> list[Any]:
        self._plan.predictions += 1
        return self.inner.predict(parts)


def unchecked_plan(model: PyfuncModel, options: PlanOptions, reason: str) -> Plan:
    """Return the floor: unchanged pyfunc, each request by itself.

    Args:
        model: The loaded model.
        options: Constraints on the plan.
        reason: Why no faster predictor was tried.
    """
    return _without(
        options, Plan(predictor=pyfunc_predictor(model), concurrency=_concurrency(model, options)), reason
    )


def choose_plan(model: PyfuncModel, options: PlanOptions) -> Plan:
    """Choose the fastest predictor whose answers are those of plain pyfunc.

    Args:
        model: The loaded model.
        options: Constraints on the plan.

    Raises:
        ModelRejected: The configured plan needs a library that is not installed.
    """
    if options.plan == "onnx":
        require_onnx()
    plan = Plan(trusted=flavor_of(model).only_computes(model), concurrency=_concurrency(model, options))
    plain = pyfunc_predictor(model)
    if plain is None:
        plan.trusted = False
        return _without(
            options, plan, "requests need MLflow's own parsing (no signature, or one of nested types)"
        )
    plan.predictor = plain
    independence = _independence(plan, model, options)
    if not _worth_checking(plan, options, independence):
        plan.trusted = False
        return _without(options, plan, "each request is a call of unchanged pyfunc")
    plan.predictor = _Counted(plain, plan)
    _check(plan, model, options, independence)
    plan.predictor = plan.predictor.inner if isinstance(plan.predictor, _Counted) else plan.predictor
    return plan


def _concurrency(model: PyfuncModel, options: PlanOptions) -> int:
    return options.concurrency or flavor_of(model).concurrency


@dataclass(frozen=True, slots=True)
class _Independence:
    """The reason why rows are independent."""

    reason: str
    known: bool
    """Known here, not declared: then answers must not depend on other rows even in the last digit."""


def _independence(plan: Plan, model: PyfuncModel, options: PlanOptions) -> _Independence | None:
    """Return why requests may share a call; None, with a reason in the plan, when they may not."""
    if options.batching == "off":
        plan.reasons.append("not batched: switched off")
    elif known := _known(model):
        return _Independence(known, known=True)
    elif options.batching == "enabled":
        return _Independence("declared by batching=enabled", known=False)
    elif declared_independence(model):
        return _Independence(f"declared by the model's metadata ({DECLARATION})", known=False)
    else:
        plan.reasons.append(
            "not batched: nothing is known about how this code treats rows; batching=enabled declares that "
            "it treats each by itself"
        )
    return None


def _known(model: PyfuncModel) -> str:
    try:
        return flavor_of(model).independence(model)
    except Exception as failure:
        # A model whose parts cannot be inspected is still served, one request at a time.
        logger.debug("the model's parts cannot be inspected", exc_info=failure)
        return ""


def _worth_checking(plan: Plan, options: PlanOptions, independence: _Independence | None) -> bool:
    """Return whether any choice depends on calls of the model."""
    if options.plan == "onnx" or independence is not None:
        return True
    return plan.trusted and options.plan == "auto"


def _without(options: PlanOptions, plan: Plan, reason: str) -> Plan:
    """Return a plan without any comparison; warn if the settings require ONNX."""
    plan.reasons.append(reason)
    if options.plan == "onnx":
        logger.warning("DAVIT_PLAN=onnx is not followed: %s", reason)
    return plan


def _check(plan: Plan, model: PyfuncModel, options: PlanOptions, independence: _Independence | None) -> None:
    """Compare predictors, veto batching where rows depend on each other, and measure the cost of a call."""
    plain = plan.predictor
    until = time.perf_counter() + CHECK_SECONDS
    parts = _usable_parts(plan, model, plain, until) if plain is not None else []
    if plain is None or not parts:
        plan.trusted = False
        _without(options, plan, "not batched: no rows to check with, from an input example or generated")
        return
    if options.plan != "onnx" or not _consider_onnx(plan, model, parts, options.tolerance):
        _consider_faster(plan, model, parts, options.plan)
    if independence is not None:
        colliding = _usable(plan.predictor or plain, colliding_parts(parts), until)
        _consider_batching(plan, independence, [*parts, *colliding], until)
    _measure(plan, parts[0])


def _usable_parts(plan: Plan, model: PyfuncModel, plain: BatchPredictor, until: float) -> list[Rows]:
    """Return sample requests that the model accepts; fewer when it is slow, none when it raises on all."""
    return _usable(plain, sample_parts(model, plain, library=plan.trusted), until)


def _usable(predictor: BatchPredictor, parts: list[Rows], until: float) -> list[Rows]:
    """Return the requests that a predictor accepts, as far as time allows."""
    accepted: list[Rows] = []
    for part in parts:
        try:
            predictor.predict([part])
        except Exception as failure:
            logger.debug("the model raised on rows generated for a check", exc_info=failure)
        else:
            accepted.append(part)
        if time.perf_counter() > until:
            break
    return accepted


def _consider_onnx(plan: Plan, model: PyfuncModel, parts: list[Rows], tolerance: float) -> bool:
    """Use onnxruntime if it is close enough; else log one warning with the reason."""
    plain = plan.predictor
    if plain is None:
        return False
    objection = ""
    try:
        for found in onnx_predictors(model, flavor_of(model).graphs(model), plain.predict([parts[0]])[0]):
            candidate = _Counted(found.predictor, plan)
            objection = _objection(plain, candidate, parts, tolerance)
            if not objection:
                plan.predictor = candidate
                close = f"labels identical to pyfunc's, numbers within {tolerance:g}"
                plan.reasons.append(f"onnx, computing in {found.dtype}: {close}")
                return True
            plan.reasons.append(f"onnx, computing in {found.dtype}, not used: {objection}")
    except NotConvertibleError as failure:
        objection = str(failure)
        plan.reasons.append(f"onnx not used: {objection}")
    logger.warning("DAVIT_PLAN=onnx is not followed: %s", objection)
    return False


def _consider_faster(plan: Plan, model: PyfuncModel, parts: list[Rows], allowed: str) -> None:
    """Use the fastest predictor with identical answers; an author's own code keeps unchanged pyfunc."""
    plain = plan.predictor
    if plain is None or not plan.trusted:
        return
    for path in flavor_of(model).fast_paths:
        if allowed not in path.plans:
            continue
        try:
            predictor = path.make(model)
        except Exception as failure:  # noqa: BLE001  a predictor that cannot be built is not used
            plan.reasons.append(f"{path.name} not used: it cannot be made ({type(failure).__name__})")
            continue
        if predictor is None:
            continue
        candidate = _Counted(predictor, plan)
        objection = _objection(plain, candidate, parts)
        if not objection:
            plan.predictor = candidate
            plan.reasons.append(f"{path.name}: its answers are identical to those of pyfunc")
            return
        plan.reasons.append(f"{path.name} not used: {objection}")


def _objection(
    plain: BatchPredictor, candidate: BatchPredictor, parts: list[Rows], tolerance: float = 0.0
) -> str:
    """Return why a predictor may not be used; empty when it answers as pyfunc does."""
    try:
        return differs_from(plain, candidate, parts, tolerance)
    except Exception as failure:  # noqa: BLE001  a pipeline may need column names, say
        return f"it raises {type(failure).__name__}"


def _consider_batching(plan: Plan, independence: _Independence, parts: list[Rows], until: float) -> None:
    """Let requests share a call unless a check objects."""
    if plan.predictor is None:
        return
    try:
        objection = differs_by_row(plan.predictor, parts, MAX_BATCH_ROWS, until, exact=independence.known)
    except Exception as failure:  # noqa: BLE001  for any error, requests stay separate
        objection = f"a shared call raises {type(failure).__name__}"
    plan.batching = not objection
    if objection:
        plan.reasons.append(f"not batched: {objection}, although {independence.reason}")
    else:
        plan.reasons.append(f"batched: {independence.reason}")


def _measure(plan: Plan, part: Rows) -> None:
    """Measure whether calls are short enough for the event loop; one that cannot be measured is not."""
    if not plan.trusted or plan.predictor is None:
        return
    try:
        plan.call_seconds, plan.row_seconds = measure_cost(plan.predictor, part)
    except Exception as failure:  # noqa: BLE001  a time series takes one row only, say
        plan.trusted = False
        plan.reasons.append(f"called in a thread: it could not be measured ({type(failure).__name__})")
