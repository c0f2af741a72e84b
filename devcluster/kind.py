"""The provider `kind`: a cluster in Docker containers, for machines that have Docker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from devcluster import progress
from devcluster.binaries.build import ensure_binary
from devcluster.binaries.cache import cache_root
from devcluster.commands import run
from devcluster.errors import DevclusterError
from devcluster.provider import Finding

CONFIGURATION = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
"""
_CREATE_SECONDS = 900.0
_LOAD_SECONDS = 600.0

Runner = Callable[..., str]


class KindProvider:
    """One cluster created by kind, which has DNS and a default StorageClass."""

    def __init__(
        self, name: str, *, runner: Runner = run, program: Path | None = None, folder: Path | None = None
    ) -> None:
        """Describe a cluster.

        Args:
            name: The cluster's name; kind's context is called kind-NAME.
            runner: Runs command lines.
            program: The kind program; built when absent.
            folder: The folder of the kubeconfig.
        """
        self._name = name
        self._run = runner
        self._program = program
        self._kubeconfig = (folder or cache_root() / "clusters") / f"kind-{name}.kubeconfig"

    def up(self) -> None:
        """Create the cluster, or start its stopped node again."""
        self._check_docker()
        self._kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        if self._exists():
            progress.step(f"cluster {self._name} exists: starting its node if it is stopped")
            self._run(["docker", "start", self._node])
            self._export()
        else:
            progress.step(f"creating cluster {self._name} with kind")
            command = ["create", "cluster", "--config", "-", "--wait", "180s", *self._access]
            self._run(self._kind(*command), text=CONFIGURATION, timeout=_CREATE_SECONDS)
        self._kubeconfig.chmod(0o600)
        progress.step(f"cluster {self._name} is up: export KUBECONFIG={self._kubeconfig}")

    def load(self, images: Sequence[str]) -> None:
        """Load images from Docker, or from archives."""
        for image in images:
            what = "image-archive" if Path(image).is_file() else "docker-image"
            self._run(self._kind("load", what, image, "--name", self._name), timeout=_LOAD_SECONDS)
            progress.step(f"{image}: loaded")

    def status(self) -> list[Finding]:
        """Report on Docker, the cluster and its API server."""
        self._check_docker()
        if not self._exists():
            return [Finding(well=False, text=f"cluster {self._name}: does not exist; `up` creates it")]
        self._export()
        kubectl = ["kubectl", f"--kubeconfig={self._kubeconfig}"]
        try:
            self._run([*kubectl, "get", "--raw", "/readyz"])
        except DevclusterError as error:
            return [
                Finding(well=False, text=f"API server: does not answer ({error}); `up` starts a stopped node")
            ]
        return [
            Finding(well=True, text=f"cluster {self._name}: its API server is healthy"),
            Finding(well=True, text=f"kubeconfig: {self._kubeconfig}"),
        ]

    def kubeconfig(self) -> Path:
        """Write the kubeconfig anew and return its path."""
        self._export()
        return self._kubeconfig

    def down(self) -> None:
        """Delete the cluster."""
        self._check_docker()
        self._run(self._kind("delete", "cluster", *self._access), timeout=_LOAD_SECONDS)
        self._kubeconfig.unlink(missing_ok=True)
        progress.step(f"cluster {self._name} is gone")

    @property
    def _access(self) -> list[str]:
        return ["--name", self._name, "--kubeconfig", str(self._kubeconfig)]

    @property
    def _node(self) -> str:
        return f"{self._name}-control-plane"

    def _kind(self, *arguments: str) -> list[str]:
        return [str(self._program or ensure_binary("kind")), *arguments]

    def _exists(self) -> bool:
        return self._name in self._run(self._kind("get", "clusters")).split()

    def _export(self) -> None:
        if not self._exists():
            raise DevclusterError(f"there is no cluster {self._name!r}: create it with `up`")
        self._run(self._kind("export", "kubeconfig", *self._access))
        if self._kubeconfig.exists():
            self._kubeconfig.chmod(0o600)

    def _check_docker(self) -> None:
        try:
            self._run(["docker", "info"], timeout=20)
        except DevclusterError as error:
            raise DevclusterError(
                f"provider `kind` needs a Docker engine and none answers ({error})"
            ) from error
