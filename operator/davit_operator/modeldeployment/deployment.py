"""The Deployment of a track."""

from davit_resource.objects import Object

from davit_operator.workload import naming
from davit_operator.workload.blueprint import Blueprint
from davit_operator.workload.metadata import build_metadata
from davit_operator.workload.pod import build_pod_template

PROGRESS_DEADLINE_SECONDS = 600


def build_deployment(blueprint: Blueprint) -> Object:
    """Build a Deployment that replaces pods one at a time, without fewer ready pods than desired."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": build_metadata(blueprint),
        "spec": {
            "replicas": blueprint.goal.replicas,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": PROGRESS_DEADLINE_SECONDS,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": naming.selector_labels(blueprint.ref.name, blueprint.goal.name)},
            "template": build_pod_template(blueprint),
        },
    }
