"""Starts a node from any state."""

from __future__ import annotations

import shutil
from pathlib import Path

from devcluster import progress
from devcluster.errors import DevclusterError
from devcluster.node.addons import addon_manifests, apply_addons, wait_for_addons
from devcluster.node.boot import boot_id
from devcluster.node.components import Component
from devcluster.node.node import Node
from devcluster.node.removal import halt
from devcluster.node.supervisor import ComponentFailed
from devcluster.node.system_images import system_images

_FIRST_SECONDS = 30
_START_SECONDS = 180
_ADDON_SECONDS = 300


def ensure_running(node: Node) -> None:
    """Start what does not run; on failure restart the node, then replace damaged data.

    Raises:
        ComponentFailed: A component fails even on fresh data.
    """
    failure = _failure_of_start(node)
    if failure is None:
        return
    progress.step(f"{failure}; starting the node again on its data")
    halt(node)
    replaced: set[str] = set()
    while (failure := _failure_of_start(node)) is not None:
        if failure.component in replaced:
            raise failure
        _replace_data(node, failure)
        replaced.add(failure.component)


def _failure_of_start(node: Node) -> ComponentFailed | None:
    try:
        _start(node)
    except ComponentFailed as failure:
        return failure
    return None


def _replace_data(node: Node, failure: ComponentFailed) -> None:
    folders = _data_of(node, failure.component)
    if not folders:
        raise failure
    progress.step(f"{failure}; its data is damaged and is replaced")
    halt(node)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _data_of(node: Node, component: str) -> list[Path]:
    """Return data that may have made a component fail. Volumes depend on the objects of Kubernetes."""
    objects = [node.paths.etcd, node.paths.storage]
    return {
        "containerd": [node.paths.containerd],
        "etcd": objects,
        "kube-apiserver": objects,
        "kubelet": [node.paths.views["/var/lib/kubelet"]],
    }.get(component, [])


def _start(node: Node) -> None:
    _ensure_namespaces(node)
    node.prepare()
    node.group.create()
    first = [node.component("containerd"), node.component("etcd")]
    _ensure(node, first)
    for component in first:
        node.supervisor.wait(component, seconds=_FIRST_SECONDS)
    _ensure(node, [node.component("kube-apiserver")])
    node.images.load_small(system_images())
    node.supervisor.wait(node.component("kube-apiserver"), seconds=_START_SECONDS)
    _ensure(node, node.components)
    apply_addons(node.kubectl, addon_manifests(node.paths, node.plan))
    for component in node.components:
        node.supervisor.wait(component, seconds=_START_SECONDS)
    progress.step("waiting for the node, DNS, storage and metrics")
    _wait_for_node(node)
    wait_for_addons(node.kubectl, seconds=_ADDON_SECONDS)


def _wait_for_node(node: Node) -> None:
    wait = ["wait", "--for=condition=Ready", "node", node.paths.name, f"--timeout={_START_SECONDS}s"]
    try:
        node.kubectl.run(wait, timeout=_START_SECONDS + 30)
    except DevclusterError as error:
        raise ComponentFailed("kubelet", f"the node does not become Ready ({error})") from error


def _ensure_namespaces(node: Node) -> None:
    """Replace namespaces that are damaged or of an earlier boot, with everything that ran in them."""
    boot = node.paths.run / "boot"
    same_boot = boot.exists() and boot.read_text() == boot_id()
    if same_boot and node.namespaces.intact():
        return
    halt(node)
    progress.step(f"creating the node's namespaces (addresses {node.plan.network})")
    node.namespaces.create()
    boot.write_text(boot_id())


def _ensure(node: Node, components: list[Component]) -> None:
    started = [component.name for component in components if node.supervisor.ensure(component)]
    if started:
        progress.step(f"started {', '.join(started)}")
