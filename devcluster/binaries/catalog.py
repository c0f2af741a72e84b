"""The programs that can be built, their modules and versions."""

from __future__ import annotations

from dataclasses import dataclass

from devcluster.errors import DevclusterError

KUBERNETES_VERSION = "v1.34.4"
_KUBERNETES_FLAGS = (
    f"-X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}"
    " -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
)


@dataclass(frozen=True)
class Binary:
    """One program.

    Attributes:
        name: Its name in the catalog and on disk.
        module: The folder below `modules/` whose go.mod and go.sum fix every dependency.
        package: The Go package with its `main` function.
        version: For output and folder names; go.mod decides what is built.
        linker_flags: Linker flags that set the program's version.
        minutes: Roughly how long two cores need from nothing.
    """

    name: str
    module: str
    package: str
    version: str
    linker_flags: str = ""
    minutes: float = 1


def _catalog(*binaries: Binary) -> dict[str, Binary]:
    return {binary.name: binary for binary in binaries}


BINARIES = _catalog(
    Binary("kubernetes", "kubernetes", ".", KUBERNETES_VERSION, _KUBERNETES_FLAGS, 5),
    Binary(
        "kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl", KUBERNETES_VERSION, _KUBERNETES_FLAGS, 1
    ),
    Binary("kind", "kind", "sigs.k8s.io/kind", "v0.30.0"),
    Binary("pause", "pause", ".", "v1"),
    Binary("coredns", "coredns", ".", "v1.12.4"),
    Binary(
        "metrics-server",
        "metrics-server",
        "sigs.k8s.io/metrics-server/cmd/metrics-server",
        "v0.9.0",
        minutes=2,
    ),
    Binary(
        "local-path-provisioner",
        "local-path-provisioner",
        "github.com/rancher/local-path-provisioner",
        "v0.0.30",
        "-X main.VERSION=v0.0.30",
    ),
    Binary(
        "helm",
        "helm",
        "helm.sh/helm/v3/cmd/helm",
        "v3.19.0",
        "-X helm.sh/helm/v3/internal/version.version=v3.19.0",
    ),
    Binary("kubeconform", "kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", "v0.7.0"),
    Binary(
        "versitygw",
        "versitygw",
        "github.com/versity/versitygw/cmd/versitygw",
        "v1.7.0",
        "-X main.Version=v1.7.0",
    ),
    # For the tests of the MLflow stack only.
    Binary("fake-gcs-server", "fake-gcs-server", "github.com/fsouza/fake-gcs-server", "v1.56.1", minutes=2),
)


def binary(name: str) -> Binary:
    """Look a program up.

    Raises:
        DevclusterError: There is no program of that name; the message lists all names.
    """
    if name not in BINARIES:
        raise DevclusterError(f"there is no program {name!r}: choose one of {', '.join(sorted(BINARIES))}")
    return BINARIES[name]
