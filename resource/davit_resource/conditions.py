"""Conditions: their shape, their names, and the one rule about time.

The rules, checked by a test helper on every status that any test produces:
`Available`, `Ready` and `ModelResolved` are always present, `EnvironmentReady` once a model was resolved.
`Reconciling` and `Stalled` are present only while true, and never both. `lastTransitionTime` moves only when
`status` flips.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

AVAILABLE = "Available"
ENVIRONMENT_READY = "EnvironmentReady"
MODEL_RESOLVED = "ModelResolved"
READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"

ALWAYS_PRESENT = (AVAILABLE, MODEL_RESOLVED, READY)

Truth = Literal["True", "False", "Unknown"]


class Condition(BaseModel):
    """One condition as it is stored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    type: str
    status: Truth
    reason: str
    message: str
    observed_generation: int | None = None
    last_transition_time: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition as it was judged, before it knows when it last flipped."""

    type: str
    status: Truth
    reason: str
    message: str


def merge_conditions(
    previous: Iterable[Condition], verdicts: Iterable[Verdict], generation: int, now: datetime
) -> list[Condition]:
    """Merge conditions to store. One that is no longer judged is left out; a time moves only on a flip."""
    before = {condition.type: condition for condition in previous}
    return [
        Condition(
            type=verdict.type,
            status=verdict.status,
            reason=verdict.reason,
            message=verdict.message,
            observed_generation=generation,
            last_transition_time=_since(before.get(verdict.type), verdict, now),
        )
        for verdict in verdicts
    ]


def _since(before: Condition | None, verdict: Verdict, now: datetime) -> datetime:
    return before.last_transition_time if before and before.status == verdict.status else now
