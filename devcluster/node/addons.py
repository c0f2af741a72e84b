"""The addons of every cluster: DNS, storage, metrics."""

from __future__ import annotations

from pathlib import Path
from string import Template

from devcluster.errors import DevclusterError
from devcluster.kubectl import Kubectl
from devcluster.node.addresses import AddressPlan
from devcluster.node.paths import Paths
from devcluster.node.system_images import BUSYBOX_IMAGE, COREDNS_IMAGE, METRICS_IMAGE, PROVISIONER_IMAGE

_FOLDER = Path(__file__).parent / "addons"

# Namespace, Deployment and its purpose.
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
    """Wait until all addons are available.

    Raises:
        DevclusterError: An addon is not available in time.
    """
    limit = f"--timeout={seconds}s"
    for namespace, deployment, purpose in ADDONS:
        rollout = ["rollout", "status", f"deployment/{deployment}", "-n", namespace, limit]
        look = f"kubectl -n {namespace} describe pods; kubectl -n {namespace} logs deployment/{deployment}"
        _wait(kubectl, rollout, f"{deployment} ({purpose}) is not available, look at: {look}", seconds)
    # Until the metrics API answers, namespaces cannot be removed: their contents cannot be listed.
    served = ["wait", "--for=condition=Available", "apiservice/v1beta1.metrics.k8s.io", limit]
    look = "kubectl describe apiservice v1beta1.metrics.k8s.io"
    _wait(kubectl, served, f"the API server does not reach metrics-server, look at: {look}", seconds)


def _wait(kubectl: Kubectl, arguments: list[str], failure: str, seconds: int) -> None:
    try:
        kubectl.run(arguments, timeout=seconds + 30)
    except DevclusterError as error:
        raise DevclusterError(f"{failure} ({error})") from error
