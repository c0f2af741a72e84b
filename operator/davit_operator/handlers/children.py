"""Watch events of what belongs to a ModelDeployment, pods included. Each only queues its owner."""

from collections.abc import Mapping
from typing import Any

from davit_resource import constants
from davit_resource.objects import Key

from davit_operator.engine.queue import WorkQueue

SELECTOR = f"{constants.MANAGED_BY_LABEL}={constants.MANAGED_BY}"
"""What the watches ask the API server for: nothing but our own objects."""


def note_child(event: Mapping[str, Any], queue: WorkQueue) -> None:
    """Queues the ModelDeployment of a changed object. Listings at start-up are no change."""
    if event["type"] is None:
        return
    metadata = event["object"]["metadata"]
    owner = find_owner(metadata)
    if owner:
        queue.add(Key(metadata["namespace"], owner))


def find_owner(metadata: Mapping[str, Any]) -> str | None:
    """The ModelDeployment that an object was made for, by its owner reference or else its annotation."""
    for reference in metadata.get("ownerReferences") or ():
        if reference.get("kind") == constants.KIND:
            return str(reference["name"])
    name = (metadata.get("annotations") or {}).get(constants.OWNER_ANNOTATION)
    return str(name) if name else None
