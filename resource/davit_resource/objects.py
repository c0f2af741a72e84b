"""Kubernetes objects as they travel, and how a resource of ours is named."""

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
"""A Kubernetes object as its JSON tree."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which resource: its kind, its namespace and its name."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def ref_of(obj: Object) -> Ref:
    """Which resource an object is."""
    return Ref(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
