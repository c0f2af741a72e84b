"""JSON schemas of the custom resources that the charts make for other operators: from the definitions in their Go modules.

Strict, like those of Kubernetes' own objects: an unknown field is an error.
"""

import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Schema = dict[str, Any]

_GATEWAY = ("sigs.k8s.io/gateway-api@v1.4.0", "config/crd/standard/gateway.networking.k8s.io")
_MONITORING = (
    "github.com/prometheus-operator/prometheus-operator@v0.85.0",
    "example/prometheus-operator-crd/monitoring.coreos.com",
)
# Where the definition of a resource lies: the module, and the path without its last part.
_PLACES = {
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): (*_GATEWAY, "httproutes"),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): (*_MONITORING, "servicemonitors"),
    ("monitoring.coreos.com/v1", "PodMonitor"): (*_MONITORING, "podmonitors"),
    ("monitoring.coreos.com/v1", "PrometheusRule"): (*_MONITORING, "prometheusrules"),
}
_IDENTITY = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}


def custom_resource_schema(api_version: str, kind: str) -> Schema:
    """The schema of one kind; a `KeyError` when this file does not know where its definition lies."""
    module, path, name = _PLACES[api_version, kind]
    definition = yaml.load(
        (module_folder(module) / f"{path}_{name}.yaml").read_text(), Loader=yaml.CSafeLoader
    )
    [version] = [
        one for one in definition["spec"]["versions"] if one["name"] == api_version.rpartition("/")[2]
    ]
    schema: dict[str, Any] = _strict(version["schema"]["openAPIV3Schema"])
    schema["properties"].update(_IDENTITY)
    return schema


@cache
def module_folder(module: str) -> Path:
    """Where Go keeps a module, named with its version; fetched when it is not there."""
    command = ["go", "mod", "download", "-json", module]
    found = subprocess.run(
        command, cwd=tempfile.gettempdir(), capture_output=True, text=True, check=False, timeout=240
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return Path(json.loads(found.stdout)["Dir"])


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    strict = {name: _strict(value) for name, value in node.items()}
    if strict.pop("x-kubernetes-int-or-string", False):
        strict["type"] = ["string", "integer"]
    open_ended = strict.pop("x-kubernetes-preserve-unknown-fields", False)
    if isinstance(strict.get("properties"), dict) and not open_ended:
        strict.setdefault("additionalProperties", False)
    return strict
