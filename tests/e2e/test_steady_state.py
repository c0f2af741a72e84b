"""When nothing changes, the operator writes nothing."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from support.cluster.live import Place
from support.stack.installed import operator_metrics

from devcluster.node.paths import Paths
from examples.demo.cluster import Cluster
from examples.demo.kubectl import Kubectl
from examples.demo.registry import move_alias
from examples.demo.stage import NAMESPACE
from examples.demo.waiting import until

RESYNCS = 120
OPERATOR = f"system:serviceaccount:{NAMESPACE}:davit-operator"
MODEL = "e2e-iris"


def writes(log: Path, since: datetime, user: str) -> Iterator[str]:
    """What a user wrote to the API server, from its audit log."""
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


def await_resyncs(kubectl: Kubectl, count: int) -> None:
    """Wait until the operator has looked up both references of the test `count` times more."""

    def lookups() -> float:
        found = re.findall(
            r"^davit_operator_resolves_total\{.*\} (\S+)$", operator_metrics(kubectl), re.MULTILINE
        )
        return sum(map(float, found))

    enough = lookups() + 2 * count
    until(lambda: lookups() >= enough, f"{count} resyncs", seconds=4 * count, every=5)


def test_the_operator_writes_nothing_while_nothing_changes(
    place: Place, kubectl: Kubectl, audit_log, mlflow, models
):
    # A namespace of another test that is still being deleted is a change.
    until(lambda: others(place) == [], "the namespaces of other tests to be gone", seconds=300)
    began = datetime.now(UTC)
    move_alias(mlflow, MODEL, place.namespace, models["plain"]["version"])
    place.deploy("serves", f"models:/{MODEL}@{place.namespace}", replicas=2)
    place.deploy("never-will", f"models:/{MODEL}@nobody")
    place.wait_condition("never-will", "Ready", "False", "nobody")
    place.wait_ready("serves")
    assert list(writes(audit_log, began, OPERATOR)), (
        "the audit log must show the operator's writes, or their absence proves nothing"
    )

    # Writes that belong to the rollout, such as Events, follow within a few resyncs.
    await_resyncs(kubectl, 8)
    since = datetime.now(UTC)
    await_resyncs(kubectl, RESYNCS)
    assert list(writes(audit_log, since, OPERATOR)) == []
