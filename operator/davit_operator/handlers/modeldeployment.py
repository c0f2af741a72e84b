"""Watch events of ModelDeployments. `on.event` writes nothing: no annotation, no finalizer."""

from collections.abc import Mapping
from typing import Any

from davit_operator.domain.objects import Key
from davit_operator.reconcile.queue import WorkQueue
from davit_operator.reconcile.vitals import Vitals


def note_model_deployment(event: Mapping[str, Any], queue: WorkQueue, vitals: Vitals) -> None:
    """Queues a ModelDeployment whose spec is new. Our own status writes come back as events: no news."""
    metadata = event["object"]["metadata"]
    key = Key(metadata["namespace"], metadata["name"])
    if event["type"] == "DELETED":
        vitals.lost(metadata["uid"])
        queue.add(key)
    elif vitals.saw(metadata["uid"], metadata.get("generation", 1)):
        queue.add(key)
