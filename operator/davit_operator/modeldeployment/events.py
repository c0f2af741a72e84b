"""The Kubernetes Events of a transition between two statuses; a steady state posts none."""

from collections.abc import Iterator

from davit_resource.conditions import READY, RECONCILING, Condition
from davit_resource.v1alpha1 import ModelDeploymentStatus, PinStatus

from davit_operator.domain.ports import Note

_REASONS_WITHOUT_EVENT = {"InternalError"}


def choose_events(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> list[Note]:
    """Return Events for a new pin, a completed rollout and a new problem, each once."""
    return [*_resolved(before, after), *_served(before, after), *_failed(before, after)]


def _resolved(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Note]:
    target = after.model.target
    if target and _identity(target) != _identity(before.model.target):
        yield Note("Normal", "Resolved", f"{target.uri} is {target.label}, {target.digest}")


def _served(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Note]:
    newest = after.history[0] if after.history else None
    if newest and (not before.history or before.history[0] != newest):
        yield Note("Normal", "RolledOut", f"all pods serve {newest.label}")


def _failed(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Note]:
    ready = after.condition(READY)
    if ready is None or ready.status == "True" or ready.reason in _REASONS_WITHOUT_EVENT:
        return
    in_progress = after.condition(RECONCILING) is not None
    if not in_progress and _state(before.condition(READY)) != _state(ready):
        yield Note("Warning", ready.reason, ready.message)


def _state(condition: Condition | None) -> tuple[str, str] | None:
    return (condition.status, condition.reason) if condition else None


def _identity(pin: PinStatus | None) -> tuple[str, str] | None:
    return (pin.label, pin.digest) if pin else None
