"""The metadata of every object of a track."""

from davit_resource.objects import Object

from davit_operator.domain.kinds import owner_annotation
from davit_operator.workload import naming
from davit_operator.workload.blueprint import Blueprint


def build_metadata(blueprint: Blueprint, annotations: dict[str, str] | None = None) -> Object:
    """Build name, labels, owner reference and the annotation with the full name of the ModelDeployment."""
    return {
        "name": blueprint.name,
        "namespace": blueprint.ref.namespace,
        "labels": naming.object_labels(blueprint.ref.name, blueprint.goal.name),
        "annotations": {**(annotations or {}), owner_annotation(blueprint.ref.kind): blueprint.ref.name},
        "ownerReferences": [naming.owner_reference(blueprint.ref, blueprint.uid)],
    }
