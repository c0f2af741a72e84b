"""The addresses of clusters: one /16 each, so that they run side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from devcluster.errors import DevclusterError

SLOTS = 32
_FIRST = 200


@dataclass(frozen=True)
class AddressPlan:
    """The addresses of the cluster in one slot: 10.(200 + slot).0.0/16, cut into three.

    The transfer network joins the host and the nodes. A /30 is used today; the rest of its /24 is kept
    for more nodes, as the pod network is for their pod ranges.
    """

    slot: int

    @property
    def network(self) -> IPv4Network:
        """Everything below belongs to this network and nothing else does."""
        return IPv4Network(f"10.{_FIRST + self.slot}.0.0/16")

    @property
    def pods(self) -> IPv4Network:
        """Addresses of pods on all nodes."""
        return IPv4Network(f"10.{_FIRST + self.slot}.0.0/17")

    @property
    def services(self) -> IPv4Network:
        """Addresses of Services."""
        return IPv4Network(f"10.{_FIRST + self.slot}.128.0/18")

    @property
    def transfer(self) -> IPv4Network:
        """The link between the host and the node."""
        return IPv4Network(f"10.{_FIRST + self.slot}.192.0/30")

    @property
    def host(self) -> IPv4Address:
        """The host's end of the link."""
        return self.transfer[1]

    @property
    def node(self) -> IPv4Address:
        """The node's address: the API server listens here."""
        return self.transfer[2]

    @property
    def node_pods(self) -> IPv4Network:
        """Addresses of pods on the node."""
        return next(self.pods.subnets(new_prefix=24))

    @property
    def api_service(self) -> IPv4Address:
        """The Service `kubernetes`: by Kubernetes' own rule the first address of its range."""
        return self.services[1]

    @property
    def dns(self) -> IPv4Address:
        """The Service `kube-dns`."""
        return self.services[10]

    @property
    def interface(self) -> str:
        """The host's network interface (the kernel allows 15 characters)."""
        return f"davit-{self.slot}"


def choose_slot(taken: Iterable[int], occupied: Iterable[IPv4Network]) -> int:
    """Return the first slot that no cluster has and that no route or address of the host overlaps.

    Args:
        taken: Slots of other clusters.
        occupied: Networks the host already uses; a default route does not count.

    Raises:
        DevclusterError: All are taken.
    """
    others = set(taken)
    networks = [network for network in occupied if network.prefixlen > 0]
    for slot in range(SLOTS):
        plan = AddressPlan(slot)
        if slot not in others and not any(plan.network.overlaps(network) for network in networks):
            return slot
    raise DevclusterError(
        f"no addresses are free: all {SLOTS} networks 10.{_FIRST}.0.0/16 to 10.{_FIRST + SLOTS - 1}.0.0/16 "
        "are used by other clusters or by routes of this machine; remove a cluster with `down`"
    )
