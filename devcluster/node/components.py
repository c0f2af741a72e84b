"""The processes of a node: command lines and health checks. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from devcluster.node.addresses import AddressPlan
from devcluster.node.configuration import API_PORT, KUBELET_HEALTH_PORT, PROXY_HEALTH_PORT
from devcluster.node.paths import Paths

ETCD_METRICS_PORT, CONTROLLER_PORT, SCHEDULER_PORT = 2381, 10257, 10259
_ETCD = "http://127.0.0.1:2379"
_ETCD_PEER = "http://127.0.0.1:2380"


@dataclass(frozen=True)
class Component:
    """One process.

    Attributes:
        name: Also of its log file and process record.
        arguments: The command line.
        health: URL that answers 200 when it is healthy; empty for containerd, which has another check.
        description: What it does, for `status`.
    """

    name: str
    arguments: tuple[str, ...]
    health: str
    description: str


def node_components(paths: Paths, plan: AddressPlan) -> list[Component]:
    """Return all processes in the order in which they start."""
    return [
        _containerd(paths),
        _etcd(paths, plan),
        _apiserver(paths, plan),
        _controller_manager(paths, plan),
        _scheduler(paths, plan),
        _kubelet(paths, plan),
        _proxy(paths, plan),
    ]


def _containerd(paths: Paths) -> Component:
    arguments = ("containerd", "--config", f"{paths.configuration}/containerd.toml")
    return Component("containerd", arguments, "", "runs containers")


def _etcd(paths: Paths, plan: AddressPlan) -> Component:
    health = f"http://{plan.node}:{ETCD_METRICS_PORT}"
    arguments = (
        f"{paths.binaries}/etcd",
        *("--name=node", f"--data-dir={paths.etcd}", "--log-level=warn"),
        *(f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}"),
        *(f"--listen-peer-urls={_ETCD_PEER}", f"--initial-advertise-peer-urls={_ETCD_PEER}"),
        *(f"--initial-cluster=node={_ETCD_PEER}", f"--listen-metrics-urls={health}"),
        # A development cluster may lose its last writes in a power failure; it is three times faster so.
        "--unsafe-no-fsync",
    )
    return Component("etcd", arguments, f"{health}/health", "keeps all Kubernetes objects")


def _apiserver(paths: Paths, plan: AddressPlan) -> Component:
    pki = paths.pki
    arguments = (
        f"{paths.binaries}/kube-apiserver",
        *(f"--advertise-address={plan.node}", f"--secure-port={API_PORT}", f"--etcd-servers={_ETCD}"),
        *(f"--service-cluster-ip-range={plan.services}", "--allow-privileged=true"),
        *("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"),
        *(f"--client-ca-file={pki}/ca.crt", f"--tls-cert-file={pki}/apiserver.crt"),
        f"--tls-private-key-file={pki}/apiserver.key",
        *_apiserver_tokens(paths),
        *_apiserver_aggregation(paths),
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",  # the node's name has no DNS entry
        *(
            f"--audit-policy-file={paths.configuration}/audit-policy.yaml",
            f"--audit-log-path={paths.audit_log}",
        ),
        *("--audit-log-maxsize=100", "--audit-log-maxbackup=1"),
    )
    return Component("kube-apiserver", arguments, f"https://{plan.node}:{API_PORT}/readyz", "answers kubectl")


def _apiserver_tokens(paths: Paths) -> tuple[str, ...]:
    return (
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={paths.pki}/service-accounts.pub",
        f"--service-account-signing-key-file={paths.pki}/service-accounts.key",
    )


def _apiserver_aggregation(paths: Paths) -> tuple[str, ...]:
    """Return the flags that let the API server proxy requests to metrics-server."""
    return (
        f"--requestheader-client-ca-file={paths.pki}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={paths.pki}/front-proxy-client.crt",
        f"--proxy-client-key-file={paths.pki}/front-proxy-client.key",
    )


def _controller_manager(paths: Paths, plan: AddressPlan) -> Component:
    arguments = (
        f"{paths.binaries}/kube-controller-manager",
        *_control_flags(paths, "controller-manager"),
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={paths.pki}/service-accounts.key",
        f"--root-ca-file={paths.pki}/ca.crt",
        f"--cluster-signing-cert-file={paths.pki}/ca.crt",
        f"--cluster-signing-key-file={paths.pki}/ca.key",
        f"--cluster-cidr={plan.pods}",
        f"--service-cluster-ip-range={plan.services}",
    )
    health = f"https://{plan.node}:{CONTROLLER_PORT}/healthz"
    return Component("kube-controller-manager", arguments, health, "makes pods of Deployments and Jobs")


def _scheduler(paths: Paths, plan: AddressPlan) -> Component:
    arguments = (f"{paths.binaries}/kube-scheduler", *_control_flags(paths, "scheduler"))
    health = f"https://{plan.node}:{SCHEDULER_PORT}/healthz"
    return Component("kube-scheduler", arguments, health, "gives pods their node")


def _control_flags(paths: Paths, user: str) -> tuple[str, ...]:
    kubeconfig = f"{paths.configuration}/{user}.kubeconfig"
    return (
        *(f"--kubeconfig={kubeconfig}", f"--authentication-kubeconfig={kubeconfig}"),
        *(f"--authorization-kubeconfig={kubeconfig}", "--leader-elect=false"),
        *(f"--tls-cert-file={paths.pki}/node.crt", f"--tls-private-key-file={paths.pki}/node.key"),
    )


def _kubelet(paths: Paths, plan: AddressPlan) -> Component:
    arguments = (
        f"{paths.binaries}/kubelet",
        f"--config={paths.configuration}/kubelet.yaml",
        f"--kubeconfig={paths.configuration}/kubelet.kubeconfig",
        *("--root-dir=/var/lib/kubelet", "--cert-dir=/var/lib/kubelet/pki"),
        *(f"--node-ip={plan.node}", f"--hostname-override={paths.name}"),
        # cAdvisor, which measures containers, would look for containerd at its default path.
        f"--containerd={paths.socket}",
    )
    health = f"http://{plan.node}:{KUBELET_HEALTH_PORT}/healthz"
    return Component("kubelet", arguments, health, "starts and watches pods")


def _proxy(paths: Paths, plan: AddressPlan) -> Component:
    arguments = (f"{paths.binaries}/kube-proxy", f"--config={paths.configuration}/kube-proxy.yaml")
    health = f"http://{plan.node}:{PROXY_HEALTH_PORT}/livez"
    return Component("kube-proxy", arguments, health, "leads Services to pods")
