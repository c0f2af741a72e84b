"""Watch events of what belongs to a resource of ours, pods included. Each only queues its owner."""

from collections.abc import Mapping, Sequence
from typing import Any

from davit_resource import constants
from davit_resource.objects import Ref

from davit_operator.domain.kinds import CustomKind, owner_annotation
from davit_operator.engine.queue import WorkQueue

SELECTOR = f"{constants.MANAGED_BY_LABEL}={constants.MANAGED_BY}"
"""What the watches ask the API server for: nothing but our own objects."""


def note_child(event: Mapping[str, Any], kinds: Sequence[CustomKind], queue: WorkQueue) -> None:
    """Queues the owner of a changed object. Listings at start-up are no change."""
    if event["type"] is None:
        return
    owner = find_owner(event["object"]["metadata"], [one.name for one in kinds])
    if owner:
        queue.add(owner)


def find_owner(metadata: Mapping[str, Any], kinds: Sequence[str]) -> Ref | None:
    """The resource that an object was made for, by its owner reference or else its annotation."""
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("kind") in kinds:
            return Ref(reference["kind"], metadata["namespace"], str(reference["name"]))
    annotations = metadata.get("annotations") or {}
    for kind in kinds:
        if name := annotations.get(owner_annotation(kind)):
            return Ref(kind, metadata["namespace"], str(name))
    return None
