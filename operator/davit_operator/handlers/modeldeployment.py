"""Watch events of ModelDeployments. `on.event` writes nothing: no annotation, no finalizer."""

from collections.abc import Mapping
from typing import Any

from davit_resource.objects import Key

from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue


def note_model_deployment(event: Mapping[str, Any], queue: WorkQueue, liveness: Liveness) -> None:
    """Queues a ModelDeployment whose spec is new. Our own status writes come back as events: no news."""
    metadata = event["object"]["metadata"]
    key = Key(metadata["namespace"], metadata["name"])
    if event["type"] == "DELETED":
        liveness.lost(metadata["uid"])
        queue.add(key)
    elif liveness.saw(metadata["uid"], metadata.get("generation", 1)):
        queue.add(key)
