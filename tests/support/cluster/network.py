"""Programs of this machine inside the network of the development cluster of provider `node`.

What they see is what a pod sees: Services by their names, and nothing outside the cluster.
"""

from dataclasses import dataclass
from pathlib import Path

from devcluster.node.paths import Paths
from examples.demo.cluster import Cluster
from examples.demo.kubectl import Kubectl

# Names are looked up as a file says that every process of the machine shares, so the program gets a mount
# namespace of its own, in which another file lies over it.
_ENTER = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


@dataclass(frozen=True)
class ClusterNetwork:
    """The network namespace of a node, and a resolver file that names the cluster's DNS."""

    namespace: Path
    resolver: Path

    @classmethod
    def of(cls, cluster: Cluster, kubectl: Kubectl, folder: Path) -> "ClusterNetwork":
        """The network of a running cluster; the resolver file is written into the folder."""
        dns = kubectl.get("service", "kube-dns", "--namespace", "kube-system")["spec"]["clusterIP"]
        resolver = folder / "resolv.conf"
        resolver.write_text(f"nameserver {dns}\nsearch svc.cluster.local cluster.local\noptions ndots:5\n")
        return cls(Paths(cluster.name).namespaces / "network", resolver)

    def inside(self, *command: str) -> list[str]:
        """The command line that runs a command in there."""
        enter = ["nsenter", f"--net={self.namespace}", "--", "unshare", "--mount", "--"]
        return [*enter, "sh", "-c", _ENTER, str(self.resolver), *command]
