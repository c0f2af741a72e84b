"""Kinds of Kubernetes objects, one row each: how the API server names one and what the operator does.

Whatever must know a kind reads its row: the adapter its path, the watches its name, the role its verbs.
"""

import re
from dataclasses import dataclass

from davit_resource import constants

READ = ("get", "list", "watch")
MANAGE = ("create", "delete", "get", "list", "patch", "watch")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of namespaced objects.

    Attributes:
        name: As it stands in the field `kind`.
        group: API group; empty for the core group.
        version: Version of the group.
        plural: As it stands in paths.
        why: What the operator wants with it, in one line for the reader of its role.
        verbs: What the operator does with it, in alphabetical order.
    """

    name: str
    group: str
    version: str
    plural: str
    why: str
    verbs: tuple[str, ...] = MANAGE

    @property
    def api_version(self) -> str:
        """As it stands in the field `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def is_applied(self) -> bool:
        """Whether the operator makes such objects itself."""
        return "patch" in self.verbs


POD = Kind("Pod", "", "v1", "pods", "why a pod is not ready", verbs=("list", "watch"))


@dataclass(frozen=True, slots=True)
class CustomKind:
    """A kind of custom resources that the operator reconciles.

    Attributes:
        kind: The resource itself.
        children: What belongs to such a resource. An event of any of them leads to a reconciliation.
    """

    kind: Kind
    children: tuple[Kind, ...]

    @property
    def name(self) -> str:
        """As it stands in the field `kind`."""
        return self.kind.name


def owner_annotation(kind: str) -> str:
    """Return the annotation that names the resource of a kind on its children and their pods, in full.

    A label could not hold every name; a pod's owner reference names its ReplicaSet.
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind)
    return f"{constants.GROUP}/{words.lower()}"
