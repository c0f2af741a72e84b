"""All objects of a track, in the order in which they are applied."""

from davit_operator.api import constants
from davit_operator.desired.blueprint import Blueprint
from davit_operator.desired.deployment import build_deployment
from davit_operator.desired.disruption_budget import build_disruption_budget
from davit_operator.desired.naming import object_name, short_hash
from davit_operator.desired.service import build_service
from davit_operator.domain.objects import Child, Object

KINDS = ("Service", "PodDisruptionBudget", "Deployment")
"""Every kind that a track may have."""


def build_track(blueprint: Blueprint) -> list[Object]:
    """The objects of a track, each marked with the hash of what is wanted."""
    built = (build_service(blueprint), build_disruption_budget(blueprint), build_deployment(blueprint))
    return [_marked(obj) for obj in built if obj is not None]


def children_of(deployment: str, track: str) -> list[Child]:
    """Every object that a track may have, wanted now or not."""
    return [Child(kind, object_name(deployment, track)) for kind in KINDS]


def _marked(obj: Object) -> Object:
    obj["metadata"]["annotations"][constants.HASH_ANNOTATION] = short_hash(obj, length=16)
    return obj
