"""What the operator asks of the Kubernetes API, as data.

The chart's RBAC rules are held equal to this list by a contract test, and every call of
`cluster_kubernetes.py` checks itself against it in the tests. A permission that nothing uses is removed.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    """One row of RBAC.

    Attributes:
        group: API group; empty for the core group.
        resource: Plural, with its subresource when it has one.
        verbs: In alphabetical order.
        cluster_scoped: Only useful in a ClusterRole; not needed when the operator watches named namespaces.
        why: One line for the reader of the role.
    """

    group: str
    resource: str
    verbs: tuple[str, ...]
    why: str
    cluster_scoped: bool = False


PERMISSIONS = (
    Permission("davit.dev", "modeldeployments", ("get", "list", "watch"), "read what is wanted"),
    Permission("davit.dev", "modeldeployments/status", ("patch",), "report"),
    Permission("apps", "deployments", ("create", "get", "list", "patch", "watch"), "the pods of a track"),
    Permission("", "services", ("create", "get", "list", "patch", "watch"), "their address"),
    Permission(
        "policy",
        "poddisruptionbudgets",
        ("create", "delete", "get", "list", "patch", "watch"),
        "node drains; deleted when one replica is wanted",
    ),
    Permission("", "pods", ("list", "watch"), "why a pod is not ready"),
    Permission("", "secrets", ("get",), "credentials that a ModelDeployment names, never listed"),
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
