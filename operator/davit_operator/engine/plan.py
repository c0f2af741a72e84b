"""What to change in the cluster, and why. An empty plan is the steady state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from davit_resource import constants
from davit_resource.objects import Object, Ref

from davit_operator.domain.objects import Child, child_of
from davit_operator.engine.drift import find_drift
from davit_operator.engine.ownership import require_ours


@dataclass(frozen=True, slots=True)
class Step:
    """One object to apply or to delete, and the reason for the log."""

    obj: Object
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order of execution."""

    apply: tuple[Step, ...] = ()
    delete: tuple[Step, ...] = ()


def make_plan(wanted: Sequence[Object], live: Mapping[Child, Object], owner: Ref, uid: str) -> Plan:
    """Compares what should be with what is.

    Raises:
        InvalidSpec: An object of that name belongs to somebody else.
        Waiting: It belongs to a deleted ModelDeployment of the same name and is about to go.
    """
    for obj in live.values():
        require_ours(obj, owner, uid)
    names = {child_of(obj) for obj in wanted}
    steps = ((obj, _why_apply(obj, live.get(child_of(obj)))) for obj in wanted)
    return Plan(
        apply=tuple(Step(obj, reason) for obj, reason in steps if reason),
        delete=tuple(Step(obj, "no longer wanted") for child, obj in live.items() if child not in names),
    )


def _why_apply(wanted: Object, live: Object | None) -> str | None:
    if live is None:
        return "missing"
    annotations = live["metadata"].get("annotations") or {}
    if (
        annotations.get(constants.HASH_ANNOTATION)
        != wanted["metadata"]["annotations"][constants.HASH_ANNOTATION]
    ):
        return "desired state changed"
    field = find_drift(wanted, live)
    return f"{field} was changed by somebody else" if field else None
