"""What every cluster has besides Kubernetes itself: names, storage, measurements."""

from __future__ import annotations

from pathlib import Path
from string import Template

from devcluster.kubectl import Kubectl
from devcluster.node.addresses import AddressPlan
from devcluster.node.paths import Paths
from devcluster.node.system_images import BUSYBOX_IMAGE, COREDNS_IMAGE, METRICS_IMAGE, PROVISIONER_IMAGE

_FOLDER = Path(__file__).parent / "addons"

# Namespace, Deployment and what it is for.
ADDONS = (
    ("kube-system", "coredns", "names of Services"),
    ("local-path-storage", "local-path-provisioner", "PersistentVolumes"),
    ("kube-system", "metrics-server", "kubectl top"),
)


def addon_manifests(paths: Paths, plan: AddressPlan) -> str:
    """Render all objects as one YAML stream."""
    values = {
        "dns": str(plan.dns),
        "storage": str(paths.storage),
        "coredns_image": COREDNS_IMAGE,
        "busybox_image": BUSYBOX_IMAGE,
        "provisioner_image": PROVISIONER_IMAGE,
        "metrics_image": METRICS_IMAGE,
    }
    files = sorted(_FOLDER.glob("*.yaml"))
    return "\n---\n".join(Template(file.read_text()).substitute(values) for file in files)


def apply_addons(kubectl: Kubectl, manifests: str) -> None:
    """Create or repair all objects."""
    kubectl.run(["apply", "--server-side", "--force-conflicts", "-f", "-"], text=manifests)


def wait_for_addons(kubectl: Kubectl, *, seconds: int) -> None:
    """Wait until all of them are available.

    Raises:
        DevclusterError: They are not in time.
    """
    for namespace, deployment, _ in ADDONS:
        arguments = [
            "rollout",
            "status",
            f"deployment/{deployment}",
            "-n",
            namespace,
            f"--timeout={seconds}s",
        ]
        kubectl.run(arguments, timeout=seconds + 30)
    # Until this answers no namespace can be removed: its contents cannot be listed.
    served = [
        "wait",
        "--for=condition=Available",
        "apiservice/v1beta1.metrics.k8s.io",
        f"--timeout={seconds}s",
    ]
    kubectl.run(served, timeout=seconds + 30)
