"""The kinds of objects of a track, in the order in which they are applied."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from davit_resource import constants
from davit_resource.objects import Object

from davit_operator.domain.kinds import POD, READ, CustomKind, Kind
from davit_operator.domain.objects import Child
from davit_operator.modeldeployment.deployment import build_deployment
from davit_operator.modeldeployment.disruption_budget import build_disruption_budget
from davit_operator.modeldeployment.service import build_service
from davit_operator.workload.blueprint import Blueprint
from davit_operator.workload.naming import object_name, short_hash


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of objects of which a track has at most one.

    Attributes:
        kind: The kind.
        build: Builds the object; returns None for a track that needs none.
    """

    kind: Kind
    build: Callable[[Blueprint], Object | None]


PARTS = (
    Part(Kind("Service", "", "v1", "services", "the address of a track"), build_service),
    Part(
        Kind("PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", "node drains"),
        build_disruption_budget,
    ),
    Part(Kind("Deployment", "apps", "v1", "deployments", "the pods of a track"), build_deployment),
)
"""Every kind of objects of a track; another kind needs a row here and a builder."""


def describe_kind(parts: Sequence[Part] = PARTS) -> CustomKind:
    """Return the custom kind ModelDeployment for watches, permissions and the Kubernetes adapter."""
    return CustomKind(
        kind=Kind(
            constants.KIND,
            constants.GROUP,
            constants.VERSION,
            constants.PLURAL,
            "read what is wanted",
            verbs=READ,
        ),
        children=(*(part.kind for part in parts), POD),
    )


def build_track(blueprint: Blueprint, parts: Sequence[Part] = PARTS) -> list[Object]:
    """Build the objects of a track, each annotated with the hash of its desired state."""
    built = (part.build(blueprint) for part in parts)
    return [_annotate_hash(obj) for obj in built if obj is not None]


def children_of(deployment: str, track: str, parts: Sequence[Part] = PARTS) -> list[Child]:
    """Return every object that a track can have, including those that it does not need now."""
    return [Child(part.kind.name, object_name(deployment, track)) for part in parts]


def _annotate_hash(obj: Object) -> Object:
    obj["metadata"]["annotations"][constants.HASH_ANNOTATION] = short_hash(obj, length=16)
    return obj
