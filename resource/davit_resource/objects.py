"""Kubernetes objects as they travel, and how a resource of ours is named."""

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
