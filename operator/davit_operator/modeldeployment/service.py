"""The Service of a track."""

from davit_resource.objects import Object

from davit_operator.workload import naming
from davit_operator.workload.blueprint import Blueprint
from davit_operator.workload.metadata import build_metadata


def build_service(blueprint: Blueprint) -> Object:
    """Build the Service in front of the pods of a track."""
    wanted = blueprint.spec.service
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": build_metadata(blueprint, wanted.annotations),
        "spec": {
            "type": wanted.type,
            "selector": naming.selector_labels(blueprint.ref.name, blueprint.goal.name),
            "ports": [
                {
                    "name": "http",
                    "port": wanted.port,
                    "targetPort": "http",
                    "protocol": "TCP",
                    "appProtocol": "http",
                }
            ],
        },
    }
