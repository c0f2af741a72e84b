"""JSON schemas of Kubernetes' own objects, made from the OpenAPI document in its Go module.

Strict: a field that Kubernetes does not know is an error, as `kubectl --validate=strict` has it.
"""

import json
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from support.schemas.custom_resources import custom_resource_schema

from devcluster.binaries.cache import MODULES

Schema = dict[str, Any]

_PREFIX = "#/definitions/"
# The document says string; the API server takes numbers too.
_LOOSE = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": ["string", "integer"]},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number"]},
}


def write_schemas(folder: Path, kinds: set[tuple[str, str]]) -> str:
    """Writes one schema for each (apiVersion, kind) and returns kubeconform's template for finding them."""
    definitions = _definitions()
    names = {
        (_api_version(kind), kind["kind"]): name
        for name, definition in definitions.items()
        for kind in definition.get("x-kubernetes-group-version-kind", [])
    }
    for api_version, kind in kinds:
        if (api_version, kind) in names:
            name = names[api_version, kind]
            used = {one: definitions[one] for one in _reachable(definitions, name)}
            schema = {"$ref": _PREFIX + name, "definitions": used}
        else:
            schema = custom_resource_schema(api_version, kind)
        group = api_version.split("/")[0].split(".")[0] + "-" if "/" in api_version else ""
        path = folder / f"{kind.lower()}-{group}{api_version.split('/')[-1]}.json"
        path.write_text(json.dumps(schema))
    return f"{folder}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"


def definition_of(api_version: str, kind: str) -> Schema:
    """The schema of one of Kubernetes' own kinds; `resolve` follows the references in it."""
    for definition in _definitions().values():
        kinds = definition.get("x-kubernetes-group-version-kind", [])
        if any((_api_version(one), one["kind"]) == (api_version, kind) for one in kinds):
            return definition
    raise LookupError(f"Kubernetes knows no {api_version} {kind}")


def resolve(schema: Schema) -> Schema:
    """The schema that a reference stands for, or else the schema itself."""
    reference = schema.get("$ref")
    return _definitions()[reference.removeprefix(_PREFIX)] if reference else schema


@cache
def _definitions() -> dict[str, Schema]:
    module = ["go", "mod", "download", "-json", "k8s.io/kubernetes"]
    found = subprocess.run(module, cwd=MODULES / "kubernetes", capture_output=True, text=True, check=True)
    document = Path(json.loads(found.stdout)["Dir"]) / "api/openapi-spec/swagger.json"
    definitions: dict[str, dict[str, Any]] = json.loads(document.read_text())["definitions"]
    for name, definition in definitions.items():
        definition.update(_LOOSE.get(name, {}))
        if "properties" in definition:
            definition["additionalProperties"] = False
    return definitions


def _api_version(kind: Schema) -> str:
    return f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]


def _reachable(definitions: dict[str, Schema], start: str) -> set[str]:
    found, ahead = set(), [start]
    while ahead:
        name = ahead.pop()
        if name not in found:
            found.add(name)
            ahead.extend(_references(definitions[name]))
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(_PREFIX)
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _references(child)
