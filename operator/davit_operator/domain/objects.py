"""Kubernetes objects as they travel: JSON trees, with the few words we need to talk about them."""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as its JSON tree."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Namespace and name of a ModelDeployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Child:
    """Kind and name of an object that belongs to a ModelDeployment, in its namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


def child_of(obj: Object) -> Child:
    """Which child an object is."""
    return Child(obj["kind"], obj["metadata"]["name"])
