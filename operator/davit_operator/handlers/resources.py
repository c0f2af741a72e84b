"""Handler of watch events of custom resources. `on.event` writes no annotation and no finalizer."""

from collections.abc import Mapping
from typing import Any

from davit_resource.objects import Ref

from davit_operator.domain.kinds import Kind
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue


def handle_resource_event(event: Mapping[str, Any], kind: Kind, queue: WorkQueue, liveness: Liveness) -> None:
    """Queue a resource that was deleted or has a new generation; ignore events of status writes."""
    metadata = event["object"]["metadata"]
    ref = Ref(kind.name, metadata["namespace"], metadata["name"])
    if event["type"] == "DELETED":
        liveness.record_deletion(metadata["uid"])
        queue.add(ref)
    elif liveness.record_event(metadata["uid"], metadata.get("generation", 1)):
        queue.add(ref)
