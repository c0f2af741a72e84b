"""When nothing changes, the operator writes nothing."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.live import Place

from devcluster.node.paths import Paths
from examples.demo.cluster import Cluster
from examples.demo.registry import move_alias
from examples.demo.stage import NAMESPACE
from examples.demo.waiting import until

MINUTES = 5
OPERATOR = f"system:serviceaccount:{NAMESPACE}:davit-operator"
MODEL = "e2e-iris"


def writes(log: Path, since: datetime, user: str) -> Iterator[str]:
    """What somebody wrote to the API server, from its audit log."""
    for line in log.read_text().splitlines():
        event: dict[str, Any] = json.loads(line)
        when = datetime.fromisoformat(event["requestReceivedTimestamp"])
        if event["user"]["username"] == user and when >= since:
            target = event.get("objectRef", {})
            yield f"{when:%H:%M:%S} {event['verb']} {target.get('resource')}/{target.get('name')}"


def others(place: Place) -> list[str]:
    """The namespaces of other tests, also those that are being deleted."""
    found = place.kubectl("get", "namespaces", "--selector", "davit.dev/e2e", "-o", "name").split()
    return [name for name in found if name != f"namespace/{place.namespace}"]


@pytest.fixture
def audit_log(cluster: Cluster) -> Path:
    return Paths(cluster.name).audit_log


def test_five_minutes_without_a_change_are_five_minutes_without_a_write(
    place: Place, audit_log, mlflow, models
):
    # What other tests left is on its way out, and a namespace that goes is a change.
    until(lambda: others(place) == [], "the namespaces of other tests to be gone", seconds=300)
    began = datetime.now(UTC)
    move_alias(mlflow, MODEL, place.namespace, models["plain"]["version"])
    place.deploy("serves", f"models:/{MODEL}@{place.namespace}", replicas=2)
    place.deploy("never-will", f"models:/{MODEL}@nobody")
    place.wait_condition("never-will", "Ready", "False", "nobody")
    place.wait_ready("serves")
    assert list(writes(audit_log, began, OPERATOR)), (
        "the audit log must know the operator, or silence means nothing"
    )

    # What the rollout still had to say, an Event perhaps, is said within seconds of Ready.
    began, settled = time.monotonic(), 15
    until(lambda: time.monotonic() > began + settled, "the rollout to settle", seconds=60)
    since, began = datetime.now(UTC), time.monotonic()
    until(lambda: time.monotonic() > began + 60 * MINUTES, "five minutes", seconds=400, every=5)
    assert list(writes(audit_log, since, OPERATOR)) == []
