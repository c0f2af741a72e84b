"""The node's network and mount namespaces, which isolate the host's firewall, resolver and folders."""

from __future__ import annotations

import json
from pathlib import Path

from devcluster.commands import run
from devcluster.errors import DevclusterError
from devcluster.node.addresses import AddressPlan
from devcluster.node.mount_points import ensure_mount_points
from devcluster.node.mounts import mounts_below, unmount_below
from devcluster.node.paths import Paths

_NODE_INTERFACE = "eth0"

# Runs inside the new mount namespace, which is a copy of the host's and therefore contains copies of other
# clusters' mounts: it unmounts those, which would keep the other namespaces alive.
_ARRANGE = """
set -eu
own="$1" root="$2"; shift 2
awk '{print $5}' /proc/self/mountinfo | tac | while read -r point; do
  case "$point" in "$root"/*) umount --lazy "$point" 2>/dev/null || true;; esac
done
mount --make-rshared /
while [ $# -gt 0 ]; do mount --bind "$2" "$1"; shift 2; done
"""


class Namespaces:
    """The two namespaces of one cluster, kept by files through which processes enter them."""

    def __init__(self, paths: Paths, plan: AddressPlan) -> None:
        self._paths = paths
        self._plan = plan
        self._network = paths.namespaces / "network"
        self._mount = paths.namespaces / "mount"

    def enter(self) -> list[str]:
        """Return the beginning of a command line that runs inside.

        Not `ip netns exec`: that one remounts /sys without the control groups, and the kubelet dies.
        """
        return ["nsenter", f"--net={self._network}", f"--mount={self._mount}", "--"]

    def intact(self) -> bool:
        """Return whether both exist and the link to the host works as it was created."""
        mounted = set(mounts_below(self._paths.namespaces))
        if not {self._network, self._mount} <= mounted or not self._views_in_place():
            return False
        return self._link_ready([], str(self._plan.host), self._plan.interface) and self._link_ready(
            self.enter(), str(self._plan.node), _NODE_INTERFACE
        )

    def create(self) -> None:
        """Create both, and the link; leftovers must be removed first.

        Raises:
            DevclusterError: The kernel does not permit it.
        """
        self._create_files()
        covers = {**self._paths.views, **self._paths.settings}
        views = [str(part) for pair in covers.items() for part in pair]
        arrange = ["sh", "-c", _ARRANGE, "arrange", str(self._paths.state), str(self._paths.root), *views]
        try:
            run(
                [
                    "unshare",
                    f"--net={self._network}",
                    f"--mount={self._mount}",
                    "--propagation",
                    "private",
                    *arrange,
                ]
            )
            self._connect()
        except DevclusterError as error:
            raise DevclusterError(f"the kernel does not permit the node's namespaces: {error}") from error

    def remove(self) -> None:
        """Remove both and the link; processes inside must have ended."""
        if (Path("/sys/class/net") / self._plan.interface).exists():
            run(["ip", "link", "delete", self._plan.interface])
        unmount_below(self._paths.namespaces)

    def _create_files(self) -> None:
        folder = self._paths.namespaces
        folder.mkdir(parents=True, exist_ok=True)
        ensure_mount_points(self._paths.root, self._paths.views)
        for source in self._paths.views.values():
            source.mkdir(parents=True, exist_ok=True)
        for target, file in self._paths.settings.items():
            file.parent.mkdir(exist_ok=True)
            file.write_text(Path(target).read_text())
        # The kernel keeps a mount namespace in a file only where mounts do not propagate.
        run(["mount", "--bind", str(folder), str(folder)])
        run(["mount", "--make-private", str(folder)])
        self._network.touch()
        self._mount.touch()

    def _connect(self) -> None:
        plan, host, node = self._plan, self._plan.interface, _NODE_INTERFACE
        prefix = plan.transfer.prefixlen
        peer = ["peer", "name", node, "netns", str(self._network)]
        run(["ip", "link", "add", host, "type", "veth", *peer])
        run(["ip", "address", "add", f"{plan.host}/{prefix}", "dev", host])
        run(["ip", "link", "set", host, "up"])
        inside = self.enter()
        run([*inside, "ip", "link", "set", "lo", "up"])
        run([*inside, "ip", "address", "add", f"{plan.node}/{prefix}", "dev", node])
        run([*inside, "ip", "link", "set", node, "up"])
        run([*inside, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1"])
        # Packets of pods to addresses outside the cluster and this machine are rejected at once.
        run([*inside, "sysctl", "-q", "-w", "net.ipv4.icmp_ratelimit=0"])
        run([*inside, "ip", "route", "add", "unreachable", "default"])
        # The node itself (the API server calls metrics-server) needs some route before kube-proxy's rules
        # give a Service's packet its real destination; no packet is sent along this one.
        run([*inside, "ip", "route", "add", str(plan.services), "dev", node, "src", str(plan.node)])
        for network in (plan.pods, plan.services):
            run(["ip", "route", "replace", str(network), "via", str(plan.node), "dev", host])

    def _views_in_place(self) -> bool:
        try:
            points = run([*self.enter(), "cat", "/proc/self/mountinfo"])
        except DevclusterError:
            return False
        return all(mounts_below(Path(target), points) for target in self._paths.views)

    @staticmethod
    def _link_ready(enter: list[str], address: str, interface: str) -> bool:
        try:
            links = json.loads(run([*enter, "ip", "-json", "address", "show", "dev", interface]))
        except DevclusterError:
            return False
        return any(
            link.get("operstate") == "UP"
            and any(entry.get("local") == address for entry in link["addr_info"])
            for link in links
        )
