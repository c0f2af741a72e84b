"""Watch events of our own resources. `on.event` writes nothing: no annotation, no finalizer."""

from collections.abc import Mapping
from typing import Any

from davit_resource.objects import Ref

from davit_operator.domain.kinds import Kind
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue


def note_resource(event: Mapping[str, Any], kind: Kind, queue: WorkQueue, liveness: Liveness) -> None:
    """Queues a resource whose spec is new. Our own status writes come back as events: no news."""
    metadata = event["object"]["metadata"]
    ref = Ref(kind.name, metadata["namespace"], metadata["name"])
    if event["type"] == "DELETED":
        liveness.lost(metadata["uid"])
        queue.add(ref)
    elif liveness.saw(metadata["uid"], metadata.get("generation", 1)):
        queue.add(ref)
