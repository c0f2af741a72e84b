"""The paths of a cluster's files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from devcluster.errors import DevclusterError

ROOT = Path("/var/lib/davit-devcluster")
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")


def check_name(name: str) -> str:
    """Return the name if it is valid for a cluster.

    Raises:
        DevclusterError: It cannot; the message says what can.
    """
    if not _NAME.fullmatch(name):
        raise DevclusterError(
            f"{name!r} cannot name a cluster: use up to 30 lower-case letters, "
            "digits and dashes, starting with a letter"
        )
    return name


@dataclass(frozen=True)
class Paths:
    """The folders and files of one cluster; everything is below `root/name`."""

    name: str
    root: Path = field(default=ROOT)

    @property
    def state(self) -> Path:
        """All of the cluster; `down` removes it."""
        return self.root / self.name

    @property
    def record(self) -> Path:
        """The cluster's slot, which fixes its addresses."""
        return self.state / "cluster.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig; mode 0600."""
        return self.state / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One JSON object a line for every write to the API server (who, what, when; no payload)."""
        return self.state / "logs" / "audit.log"

    @property
    def logs(self) -> Path:
        """Logs of the components."""
        return self.state / "logs"

    @property
    def pki(self) -> Path:
        """Certificates and keys; mode 0700."""
        return self.state / "pki"

    @property
    def configuration(self) -> Path:
        """Configuration files of the components, written anew by every `up`."""
        return self.state / "configuration"

    @property
    def binaries(self) -> Path:
        """Component names as links to the built binaries."""
        return self.state / "bin"

    @property
    def etcd(self) -> Path:
        """All Kubernetes objects."""
        return self.state / "etcd"

    @property
    def containerd(self) -> Path:
        """Images, snapshots and containerd's own records: they outlive a reboot."""
        return self.state / "containerd"

    @property
    def storage(self) -> Path:
        """The data of PersistentVolumes."""
        return self.state / "storage"

    @property
    def run(self) -> Path:
        """State of running processes: process records, sockets, namespaces."""
        return self.state / "run"

    @property
    def processes(self) -> Path:
        """One record per started component."""
        return self.run / "processes"

    @property
    def namespaces(self) -> Path:
        """Handles of the network and mount namespace."""
        return self.run / "namespaces"

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.run / "containerd.sock"

    @property
    def views(self) -> dict[str, Path]:
        """Folders with fixed paths in Kubernetes and containerd, and the folders that nodes mount over them.

        The mounts are in the node's mount namespace, so clusters never share a folder.
        """
        return {
            "/run/containerd": self.run / "run-containerd",
            "/var/lib/cni": self.run / "var-lib-cni",
            "/var/lib/kubelet": self.state / "kubelet",
            "/var/log/containers": self.run / "var-log-containers",
        }

    @property
    def settings(self) -> dict[str, Path]:
        """Kernel settings that the kubelet changes, and the files that it changes instead.

        They apply to the whole machine, which keeps its values.
        """
        names = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")
        keys = ("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")
        return {
            f"/proc/sys/{name}": self.run / "settings" / name.replace("/", "-") for name in (*names, *keys)
        }
