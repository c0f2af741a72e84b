"""The provider `node`: Kubernetes from Go modules, in namespaces of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from devcluster import progress
from devcluster.binaries.build import ensure_binary
from devcluster.errors import DevclusterError
from devcluster.node.cgroups import ControlGroup
from devcluster.node.inspection import inspect
from devcluster.node.mount_points import remove_mount_points
from devcluster.node.node import Node
from devcluster.node.paths import ROOT, Paths, check_name
from devcluster.node.removal import remove
from devcluster.node.requirements import check_machine, ensure_packages
from devcluster.node.slots import ensure_plan, exclusively, recorded_plan
from devcluster.node.startup import ensure_running
from devcluster.node.system_images import SYSTEM_PROGRAMS
from devcluster.provider import Finding


class NodeProvider:
    """One cluster of one node."""

    def __init__(self, name: str, root: Path = ROOT) -> None:
        self._paths = Paths(check_name(name), root)

    def up(self) -> None:
        """Create or repair the cluster."""
        check_machine()
        ensure_packages()
        for program in ("kubernetes", "kubectl", *SYSTEM_PROGRAMS):
            ensure_binary(program)
        with exclusively(self._paths.name):
            if recorded_plan(self._paths) is None and self._paths.state.exists():
                progress.step(
                    f"the record of cluster {self._paths.name} is lost: replacing what is left of it"
                )
                remove(self._any_node())
            ensure_running(Node(self._paths, ensure_plan(self._paths)))
        progress.step(f"cluster {self._paths.name} is up: export KUBECONFIG={self._paths.kubeconfig}")

    def load(self, images: Sequence[str]) -> None:
        """Load images from archives or from buildah's storage."""
        node = self._node()
        if not node.supervisor.is_well(node.component("containerd")):
            raise DevclusterError(f"cluster {self._paths.name!r} does not run: start or repair it with `up`")
        for image in images:
            node.images.load(image)

    def status(self) -> list[Finding]:
        """Report on every process, the node and the addons, with paths of the logs."""
        return inspect(self._node())

    def kubeconfig(self) -> Path:
        """Return the path of the administrator's kubeconfig."""
        return self._node().paths.kubeconfig

    def down(self) -> None:
        """Remove the cluster and everything it left on this machine."""
        check_machine()
        with exclusively(self._paths.name):
            if self._paths.state.exists() or ControlGroup(self._paths.name).exists():
                progress.step(f"removing cluster {self._paths.name}")
                remove(self._any_node())
            remove_mount_points(self._paths.root)
        progress.step(f"cluster {self._paths.name} is gone")

    def _any_node(self) -> Node:
        """Return the recorded node or, when its record is lost, one that suffices for removal."""
        return Node(self._paths, recorded_plan(self._paths) or ensure_plan(self._paths))

    def _node(self) -> Node:
        check_machine()
        plan = recorded_plan(self._paths)
        if plan is None:
            raise DevclusterError(f"there is no cluster {self._paths.name!r}: create it with `up`")
        return Node(self._paths, plan)
