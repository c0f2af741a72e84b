"""Handlers of watch events of children, pods included: each event only queues the owner."""

from collections.abc import Mapping, Sequence
from typing import Any

from davit_resource import constants
from davit_resource.objects import Ref

from davit_operator.domain.kinds import CustomKind, owner_annotation
from davit_operator.engine.queue import WorkQueue

SELECTOR = f"{constants.MANAGED_BY_LABEL}={constants.MANAGED_BY}"
"""Label selector of the child watches: only objects that the operator manages."""


def handle_child_event(event: Mapping[str, Any], kinds: Sequence[CustomKind], queue: WorkQueue) -> None:
    """Queue the owner of a changed child; ignore objects that the initial listing reports."""
    if event["type"] is None:
        return
    owner = find_owner(event["object"]["metadata"], [one.name for one in kinds])
    if owner:
        queue.add(owner)


def find_owner(metadata: Mapping[str, Any], kinds: Sequence[str]) -> Ref | None:
    """Return the resource that owns an object, by owner reference or else by annotation."""
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("kind") in kinds:
            return Ref(reference["kind"], metadata["namespace"], str(reference["name"]))
    annotations = metadata.get("annotations") or {}
    for kind in kinds:
        if name := annotations.get(owner_annotation(kind)):
            return Ref(kind, metadata["namespace"], str(name))
    return None
