"""Charts rendered as Helm renders them, without a cluster."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from devcluster.binaries.build import ensure_binary
from devcluster.binaries.catalog import KUBERNETES_VERSION

ROOT = Path(__file__).parents[2]
CHARTS = ROOT / "charts"
NAMESPACE = "team"

Document = dict[str, Any]


class ChartError(AssertionError):
    """Helm refused; the message is Helm's own."""


def helm(*arguments: str) -> str:
    """Runs Helm and returns its output."""
    done = subprocess.run([ensure_binary("helm"), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ChartError(done.stderr)
    return done.stdout


@cache
def render(chart: str, release: str, *arguments: str) -> str:
    """One chart as YAML, in the version of Kubernetes that the development cluster runs."""
    where = (release, str(CHARTS / chart), "--namespace", NAMESPACE, "--kube-version", KUBERNETES_VERSION)
    return helm("template", *where, *arguments)


def documents(rendered: str) -> list[Document]:
    """The objects of a rendering."""
    return [document for document in yaml.load_all(rendered, Loader=yaml.CSafeLoader) if document]


def pod_specs(objects: list[Document]) -> dict[str, Document]:
    """Every pod that a rendering makes, by kind and name of what makes it."""
    found = {}
    for obj in objects:
        owner = obj["spec"]["jobTemplate"] if obj["kind"] == "CronJob" else obj
        spec = obj["spec"] if obj["kind"] == "Pod" else owner.get("spec", {}).get("template", {}).get("spec")
        if isinstance(spec, dict) and "containers" in spec:
            found[f"{obj['kind']} {obj['metadata']['name']}"] = spec
    return found


def containers(spec: Document) -> list[Document]:
    """All containers of a pod, init containers first."""
    return [*spec.get("initContainers", []), *spec["containers"]]


def environment(container: Document) -> dict[str, Document]:
    """The variables of a container by name."""
    return {variable["name"]: variable for variable in container.get("env", [])}


def one(objects: list[Document], kind: str, name: str) -> Document:
    """The object of this kind and name."""
    [found] = [obj for obj in objects if obj["kind"] == kind and obj["metadata"]["name"] == name]
    return found
