"""Reports the state of a node as text."""

from __future__ import annotations

import json
from typing import Any

from devcluster.errors import DevclusterError
from devcluster.node.addons import ADDONS
from devcluster.node.components import Component
from devcluster.node.node import Node
from devcluster.node.processes import read_record
from devcluster.provider import Finding


def inspect(node: Node) -> list[Finding]:
    """Inspect everything that `up` creates."""
    findings = [_namespaces(node), *(_component(node, component) for component in node.components)]
    findings += [_kubernetes_node(node), *_addons(node)]
    places = {
        "addresses": f"{node.plan.network} (API server {node.server()})",
        "kubeconfig": node.paths.kubeconfig,
        "logs": node.paths.logs,
        "audit log": node.paths.audit_log,
    }
    return [*findings, *(Finding(well=True, text=f"{what}: {where}") for what, where in places.items())]


def _namespaces(node: Node) -> Finding:
    if node.namespaces.intact():
        return Finding(
            well=True, text=f"namespaces: in place, linked to this machine by {node.plan.interface}"
        )
    return Finding(well=False, text="namespaces: missing or damaged; `up` repairs")


def _component(node: Node, component: Component) -> Finding:
    log = node.supervisor.log(component)
    if not node.supervisor.runs(component):
        return Finding(well=False, text=f"{component.name}: does not run; `up` repairs; its log: {log}")
    if not node.supervisor.is_well(component):
        return Finding(well=False, text=f"{component.name}: runs but is not healthy; its log: {log}")
    record = read_record(node.supervisor.record_path(component))
    number = record.identity.pid if record else "?"
    return Finding(well=True, text=f"{component.name}: healthy ({component.description}; process {number})")


def _kubernetes_node(node: Node) -> Finding:
    try:
        found = _get(node, "node", node.paths.name)
    except DevclusterError as error:
        return Finding(well=False, text=f"node: unknown ({error})")
    conditions = {condition["type"]: condition for condition in found["status"]["conditions"]}
    ready = conditions.get("Ready", {})
    if ready.get("status") == "True":
        return Finding(
            well=True, text=f"node {node.paths.name}: Ready, {found['status']['nodeInfo']['kubeletVersion']}"
        )
    return Finding(
        well=False, text=f"node {node.paths.name}: not Ready ({ready.get('message', 'no report yet')})"
    )


def _addons(node: Node) -> list[Finding]:
    findings = []
    for namespace, deployment, purpose in ADDONS:
        try:
            status = _get(node, "deployment", deployment, "-n", namespace)["status"]
        except DevclusterError as error:
            findings.append(Finding(well=False, text=f"{deployment}: unknown ({error})"))
            continue
        well = status.get("availableReplicas", 0) > 0
        findings.append(
            Finding(well, f"{deployment}: {'available' if well else 'not available'} ({purpose})")
        )
    return findings


def _get(node: Node, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(node.kubectl.run(["get", *arguments, "-o", "json"], timeout=10))
    return found
