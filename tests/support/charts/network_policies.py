"""NetworkPolicies as the Kubernetes API defines them: who may connect to whom. No packet is sent.

Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/. What the charts do not use
(expressions, blocks of addresses, ranges of ports) is refused, so that it cannot be judged wrongly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Policy = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """A pod, or something outside of the cluster when it has no namespace.

    Attributes:
        namespace: Where it is.
        labels: Its own.
        namespace_labels: Of its namespace.
        ports: Numbers of its named ports.
    """

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)


def may_connect(policies: Sequence[Policy], source: Peer, target: Peer, port: int) -> bool:
    """Whether a TCP connection is allowed at both of its ends."""
    return _allows(policies, "Egress", source, target, target, port) and _allows(
        policies, "Ingress", target, source, target, port
    )


def _allows(
    policies: Sequence[Policy], direction: str, own: Peer, other: Peer, target: Peer, port: int
) -> bool:
    """One end: without a policy everything is allowed, with some what any rule of any of them allows."""
    ours = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == own.namespace
        and direction in policy["spec"]["policyTypes"]
        and _selects(policy["spec"]["podSelector"], own.labels)
    ]
    side = "to" if direction == "Egress" else "from"
    return not ours or any(
        _matches_peer(rule.get(side), other, policy["metadata"]["namespace"])
        and _matches_port(rule.get("ports"), target, port)
        for policy in ours
        for rule in policy["spec"].get(direction.lower(), [])
    )


def _matches_peer(peers: Sequence[Mapping[str, Any]] | None, other: Peer, home: str) -> bool:
    return not peers or any(_is_peer(peer, other, home) for peer in peers)


def _is_peer(peer: Mapping[str, Any], other: Peer, home: str) -> bool:
    _refuse_others(peer, "podSelector", "namespaceSelector")
    if "namespaceSelector" in peer:
        right = bool(other.namespace) and _selects(peer["namespaceSelector"], other.namespace_labels)
    else:
        right = other.namespace == home
    return right and _selects(peer.get("podSelector", {}), other.labels)


def _matches_port(ports: Sequence[Mapping[str, Any]] | None, target: Peer, port: int) -> bool:
    return not ports or any(_is_port(one, target, port) for one in ports)


def _is_port(one: Mapping[str, Any], target: Peer, port: int) -> bool:
    _refuse_others(one, "protocol", "port")
    named: int = target.ports.get(one["port"], one["port"])
    return one.get("protocol", "TCP") == "TCP" and named == port


def _selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    _refuse_others(selector, "matchLabels")
    wanted: Mapping[str, str] = selector.get("matchLabels", {})
    return wanted.items() <= labels.items()


def _refuse_others(part: Mapping[str, Any], *known: str) -> None:
    """What is not understood here must not be judged."""
    if unknown := sorted(part.keys() - {*known}):
        raise ValueError(f"cannot be judged: {', '.join(unknown)}; only {', '.join(known)} are understood")
