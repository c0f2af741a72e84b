"""One node: everything that belongs to it, put together."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from devcluster.binaries.build import ensure_binary
from devcluster.kubectl import Kubectl
from devcluster.node.addresses import AddressPlan
from devcluster.node.certificates import ensure_certificates
from devcluster.node.cgroups import ControlGroup
from devcluster.node.components import Component, node_components
from devcluster.node.configuration import (
    API_PORT,
    audit_policy,
    cni_configuration,
    containerd_configuration,
    kubeconfig,
    kubelet_configuration,
    proxy_configuration,
)
from devcluster.node.image_store import ImageStore
from devcluster.node.namespaces import Namespaces
from devcluster.node.paths import Paths
from devcluster.node.supervisor import Supervisor

_PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")


@dataclass(frozen=True)
class Node:
    """The node of a cluster."""

    paths: Paths
    plan: AddressPlan

    @cached_property
    def namespaces(self) -> Namespaces:
        """Its network and mounts."""
        return Namespaces(self.paths, self.plan)

    @cached_property
    def group(self) -> ControlGroup:
        """Its control groups."""
        return ControlGroup(self.paths.name)

    @cached_property
    def supervisor(self) -> Supervisor:
        """Starts and ends its processes."""
        return Supervisor(self.paths, self.namespaces, self.group)

    @cached_property
    def components(self) -> list[Component]:
        """Its processes, in the order in which they start."""
        return node_components(self.paths, self.plan)

    @cached_property
    def images(self) -> ImageStore:
        """Its images."""
        return ImageStore(self.paths.socket, self.paths.run)

    @cached_property
    def kubectl(self) -> Kubectl:
        """A client with the administrator's rights."""
        return Kubectl(ensure_binary("kubectl"), self.paths.kubeconfig)

    def component(self, name: str) -> Component:
        """Look up a process."""
        return next(component for component in self.components if component.name == name)

    def prepare(self) -> None:
        """Write certificates, configuration and links to the programs; safe to repeat."""
        ensure_certificates(self.paths.pki, self.plan, self.paths.name)
        self._write_configuration()
        self._link_programs()

    def server(self) -> str:
        """Return the URL of the API server, valid on the host and on the node."""
        return f"https://{self.plan.node}:{API_PORT}"

    def _write_configuration(self) -> None:
        paths, plan = self.paths, self.plan
        folder = paths.configuration
        for place in (folder, folder / "cni", paths.run, paths.logs, paths.storage, paths.etcd):
            place.mkdir(parents=True, exist_ok=True)
        paths.etcd.chmod(0o700)  # required by etcd
        texts = {
            folder / "containerd.toml": containerd_configuration(paths),
            folder / "cni" / "davit.conflist": cni_configuration(paths, plan),
            folder / "kubelet.yaml": kubelet_configuration(paths, plan),
            folder / "kube-proxy.yaml": proxy_configuration(paths, plan, paths.name),
            folder / "audit-policy.yaml": audit_policy(),
            paths.kubeconfig: self._kubeconfig("admin"),
        }
        for user in ("controller-manager", "scheduler", "kubelet", "kube-proxy"):
            texts[folder / f"{user}.kubeconfig"] = self._kubeconfig(user)
        for path, text in texts.items():
            _write_private(path, text)

    def _kubeconfig(self, user: str) -> str:
        return kubeconfig(self.paths.name, self.server(), self.paths.pki, user)

    def _link_programs(self) -> None:
        built = ensure_binary("kubernetes")
        shutil.rmtree(self.paths.binaries, ignore_errors=True)
        self.paths.binaries.mkdir(parents=True)
        for program in _PROGRAMS:
            (self.paths.binaries / program).symlink_to(built)


def _write_private(path: Path, text: str) -> None:
    """Write a file with mode 0600; readers see the old text or the new, never a part."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)
