"""The permissions that the operator needs in the Kubernetes API, as data.

A contract test keeps the chart's RBAC rules equal to this list, and tests check every request of
`cluster_kubernetes.py` against it. Unused permissions are removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from davit_operator.domain.kinds import CustomKind, Kind


@dataclass(frozen=True, slots=True)
class Permission:
    """One RBAC rule.

    Attributes:
        group: API group; empty for the core group.
        resource: Plural, with its subresource when it has one.
        verbs: In alphabetical order.
        cluster_scoped: Needs a ClusterRole; not used when the operator watches named namespaces.
        why: One line for the reader of the role.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str
    cluster_scoped: bool = False


_ALWAYS = (
    Permission("", "secrets", ("get",), "credentials that a resource names, never listed"),
    Permission("", "events", ("create",), "transitions, for kubectl describe"),
    Permission(
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        ("list", "watch"),
        "notice when the CRD comes or goes",
        cluster_scoped=True,
    ),
    Permission("", "namespaces", ("list", "watch"), "notice new namespaces", cluster_scoped=True),
)


def list_permissions(kinds: Sequence[CustomKind]) -> list[Permission]:
    """Return every permission that reconciling these kinds needs, without duplicates."""
    own = [permission for one in kinds for permission in (_of(one.kind), _of_status(one.kind))]
    children = dict.fromkeys(_of(child) for one in kinds for child in one.children)
    return [*own, *children, *_ALWAYS]


def _of(kind: Kind) -> Permission:
    return Permission(kind.group, kind.plural, kind.verbs, kind.why)


def _of_status(kind: Kind) -> Permission:
    return Permission(kind.group, f"{kind.plural}/status", ("patch",), "report")
