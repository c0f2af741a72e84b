"""What to change in the cluster, and why. An empty plan is the steady state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from davit_operator.api import constants
from davit_operator.domain.errors import InvalidSpec, Waiting
from davit_operator.domain.objects import Child, Key, Object, child_of
from davit_operator.planning.drift import find_drift


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

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not self.apply and not self.delete


def make_plan(wanted: Sequence[Object], live: Mapping[Child, Object], owner: Key, uid: str) -> Plan:
    """Compares what should be with what is.

    Raises:
        InvalidSpec: An object of that name belongs to somebody else.
        Waiting: It belongs to a deleted ModelDeployment of the same name and is about to go.
    """
    for obj in live.values():
        _require_ours(obj, owner, uid)
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
        return "the wish changed"
    field = find_drift(wanted, live)
    return f"{field} was changed by somebody else" if field else None


def _require_ours(obj: Object, owner: Key, uid: str) -> None:
    metadata = obj["metadata"]
    controller = _controller_of(metadata)
    if "deletionTimestamp" in metadata:
        raise Waiting(
            "OldObjectsTerminating", f"{child_of(obj)} is being deleted; it is made anew after that"
        )
    if controller is None and _marked_as_ours(metadata, owner):
        return  # orphaned on purpose: taken back
    if controller is None or controller.get("kind") != constants.KIND or controller.get("name") != owner.name:
        holder = f"{controller['kind']} {controller['name']}" if controller else "nobody known to us"
        raise InvalidSpec(
            "NameTaken",
            f"{child_of(obj)} exists already and belongs to {holder}: "
            "rename this ModelDeployment, or delete that object",
        )
    if controller["uid"] != uid:
        raise Waiting(
            "OldObjectsTerminating",
            f"{child_of(obj)} belongs to an earlier ModelDeployment of this name and is about to be deleted",
        )


def is_surplus(obj: Object, uid: str) -> bool:
    """Whether an object outside of every track is left over from a track of this ModelDeployment.

    Its controller must be this very ModelDeployment: a label alone is no proof. What is being deleted already
    needs nothing more.
    """
    controller = _controller_of(obj["metadata"])
    return bool(controller and controller["uid"] == uid and "deletionTimestamp" not in obj["metadata"])


def _controller_of(metadata: Object) -> Object | None:
    return next((ref for ref in metadata.get("ownerReferences") or [] if ref.get("controller")), None)


def _marked_as_ours(metadata: Object, owner: Key) -> bool:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return (
        labels.get(constants.MANAGED_BY_LABEL) == constants.MANAGED_BY
        and annotations.get(constants.OWNER_ANNOTATION) == owner.name
    )
