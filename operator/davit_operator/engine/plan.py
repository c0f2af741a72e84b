"""The changes to make in the cluster, with reasons. An empty plan is the steady state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from davit_resource import constants
from davit_resource.objects import Object, Ref

from davit_operator.domain.objects import Child, child_of
from davit_operator.engine.drift import find_drift
from davit_operator.engine.ownership import require_ownership


@dataclass(frozen=True, slots=True)
class Step:
    """One object to apply or to delete, with the reason for the log."""

    obj: Object
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order of execution."""

    apply: tuple[Step, ...] = ()
    delete: tuple[Step, ...] = ()


def make_plan(wanted: Sequence[Object], live: Mapping[Child, Object], owner: Ref, uid: str) -> Plan:
    """Compare the desired objects with the live ones.

    Raises:
        InvalidSpec: A live object belongs to another owner.
        Waiting: A live object is being deleted, or belongs to a deleted resource of the same name.
    """
    for obj in live.values():
        require_ownership(obj, owner, uid)
    children = {child_of(obj) for obj in wanted}
    steps = ((obj, _reason_to_apply(obj, live.get(child_of(obj)))) for obj in wanted)
    return Plan(
        apply=tuple(Step(obj, reason) for obj, reason in steps if reason),
        delete=tuple(Step(obj, "no longer wanted") for child, obj in live.items() if child not in children),
    )


def _reason_to_apply(wanted: Object, live: Object | None) -> str | None:
    if live is None:
        return "missing"
    annotations = live["metadata"].get("annotations") or {}
    if (
        annotations.get(constants.HASH_ANNOTATION)
        != wanted["metadata"]["annotations"][constants.HASH_ANNOTATION]
    ):
        return "desired state changed"
    field = find_drift(wanted, live)
    return f"{field} was changed by another writer" if field else None
