"""The PodDisruptionBudget of a track."""

from davit_resource.objects import Object

from davit_operator.workload import naming
from davit_operator.workload.blueprint import Blueprint
from davit_operator.workload.metadata import build_metadata


def build_disruption_budget(blueprint: Blueprint) -> Object | None:
    """Build a budget that lets node drains evict one pod at a time.

    None for a single replica, where a budget would block every drain.
    """
    if blueprint.goal.replicas <= 1:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": build_metadata(blueprint),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": naming.selector_labels(blueprint.ref.name, blueprint.goal.name)},
        },
    }
