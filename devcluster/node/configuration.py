"""The configuration files of the components, as text. Pure: the same cluster always gets the same text."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from devcluster.node.addresses import AddressPlan
from devcluster.node.paths import Paths

PAUSE_IMAGE = "davit.dev/devcluster/pause:v1"
API_PORT, KUBELET_HEALTH_PORT, PROXY_HEALTH_PORT = 6443, 10248, 10256
_UNUSED_SNAPSHOTTERS = ("aufs", "btrfs", "devmapper", "zfs")


def containerd_configuration(paths: Paths) -> str:
    """Format the configuration of containerd 1.6 (TOML), with every folder below the cluster's."""
    cri = 'plugins."io.containerd.grpc.v1.cri"'
    unused = ", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in _UNUSED_SNAPSHOTTERS)
    return f"""version = 2
root = "{paths.containerd}"
state = "{paths.run}/containerd"
disabled_plugins = [{unused}]

[grpc]
address = "{paths.socket}"

[plugins."io.containerd.internal.v1.opt"]
path = "{paths.run}/opt"

[{cri}]
sandbox_image = "{PAUSE_IMAGE}"
stream_server_address = "127.0.0.1"
# Lowering a process' OOM score needs a capability that containers and small virtual machines lack.
restrict_oom_score_adj = true
disable_apparmor = true
netns_mounts_under_state_dir = true

[{cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{paths.configuration}/cni"

[{cri}.containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"

[{cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{cri}.containerd.runtimes.runc.options]
Root = "{paths.run}/runc"
SystemdCgroup = false
"""


def cni_configuration(paths: Paths, plan: AddressPlan) -> str:
    """Format the pod network: every pod has its own link to the node, and all else is routed.

    Routed rather than bridged: Services then work without the br_netfilter kernel module, and the node
    keeps no bridge.
    """
    addresses = {
        "type": "host-local",
        "dataDir": str(paths.run / "addresses"),
        "ranges": [[{"subnet": str(plan.node_pods)}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    link = {"type": "ptp", "ipMasq": False, "ipam": addresses}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return json.dumps({"cniVersion": "0.4.0", "name": "davit", "plugins": [link, ports]}, indent=2)


def kubelet_configuration(paths: Paths, plan: AddressPlan) -> str:
    """Format the kubelet's configuration; comments explain differences from production."""
    webhook = {"anonymous": {"enabled": False}, "webhook": {"enabled": True}}
    settings: dict[str, Any] = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {**webhook, "x509": {"clientCAFile": str(paths.pki / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(paths.pki / "node.crt"),
        "tlsPrivateKeyFile": str(paths.pki / "node.key"),
        "healthzBindAddress": str(plan.node),
        "healthzPort": KUBELET_HEALTH_PORT,
        "containerRuntimeEndpoint": f"unix://{paths.socket}",
        "clusterDomain": "cluster.local",
        "clusterDNS": [str(plan.dns)],
        "resolvConf": "",  # the cluster has no outside network, so there is no other resolver
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/davit-{paths.name}",
        "enforceNodeAllocatable": [],  # the machine is shared with its owner
        "failSwapOn": False,
        "failCgroupV1": False,
        "oomScoreAdj": 0,
        "featureGates": {"KubeletInUserNamespace": True},  # tolerate kernel settings that cannot be changed
        "imageGCHighThresholdPercent": 100,  # never: without a registry a removed image is gone
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "2%", "imagefs.available": "2%"},
        "podLogsDir": str(paths.logs / "pods"),
        "volumePluginDir": str(paths.run / "volume-plugins"),
        "shutdownGracePeriod": "0s",
    }
    return yaml.safe_dump(settings)


def proxy_configuration(paths: Paths, plan: AddressPlan, node: str) -> str:
    """Format kube-proxy's configuration."""
    settings: dict[str, Any] = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clientConnection": {"kubeconfig": str(paths.configuration / "kube-proxy.kubeconfig")},
        "clusterCIDR": str(plan.pods),
        "healthzBindAddress": f"{plan.node}:{PROXY_HEALTH_PORT}",
        "hostnameOverride": node,
        "oomScoreAdj": 0,
        # Zero leaves the kernel's connection-tracking limits alone: they belong to the whole machine.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "200ms", "syncPeriod": "30s"},
    }
    return yaml.safe_dump(settings)


def audit_policy() -> str:
    """Format a policy that logs who changed what and when, never the content; reads are not logged."""
    changes = {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]}
    policy = {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [changes, {"level": "None"}],
    }
    return yaml.safe_dump(policy)


def kubeconfig(cluster: str, server: str, pki: Path, user: str) -> str:
    """Format a kubeconfig that contains its certificates, so that it may be copied.

    Args:
        cluster: The name of its only context.
        server: URL of the API server.
        pki: Folder with ca.crt and the user's certificate and key.
        user: Name of the certificate.
    """

    def embedded(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    def named(kind: str, value: Mapping[str, str]) -> list[dict[str, Any]]:
        return [{"name": cluster, kind: dict(value)}]

    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": cluster,
            "clusters": named(
                "cluster", {"server": server, "certificate-authority-data": embedded("ca.crt")}
            ),
            "contexts": named("context", {"cluster": cluster, "user": cluster}),
            "users": named(
                "user",
                {
                    "client-certificate-data": embedded(f"{user}.crt"),
                    "client-key-data": embedded(f"{user}.key"),
                },
            ),
        }
    )
