"""Charts rendered as Helm renders them, without a cluster."""

import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from devcluster.binaries.build import ensure_binary
from devcluster.binaries.catalog import KUBERNETES_VERSION

ROOT = Path(__file__).parents[3]
CHARTS = ROOT / "charts"
NAMESPACE = "team"

Document = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """Reads numbers as Kubernetes does: PyYAML takes Go's `1e-09`, which has no dot, for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+[eE][-+]?\d+$"), list("-+0123456789")
)


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
    temporary = ("--set", "temporaryCredentials=true") if chart == "mlflow-stack" else ()
    return render_as_is(chart, release, *temporary, *arguments)


def render_as_is(chart: str, release: str, *arguments: str) -> str:
    """One chart as YAML, with no value but these."""
    where = (release, str(CHARTS / chart), "--namespace", NAMESPACE, "--kube-version", KUBERNETES_VERSION)
    return helm("template", *where, *arguments)


def notes(*arguments: str) -> str:
    """What the stack's chart says after an installation; Helm itself shows that with a cluster only."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "chart"
        shutil.copytree(CHARTS / "mlflow-stack", copy)
        text = (copy / "templates/NOTES.txt").read_text()
        (copy / "templates/_said.tpl").write_text(f'{{{{- define "notes" }}}}{text}{{{{ end }}}}')
        (copy / "templates/notes.yaml").write_text('kind: Notes\nsaid: {{ include "notes" . | quote }}\n')
        where = ("mlflow", str(copy), "--namespace", NAMESPACE, "--kube-version", KUBERNETES_VERSION)
        values = ("--set", "temporaryCredentials=true", *arguments)
        shown = helm("template", *where, "--show-only", "templates/notes.yaml", *values)
    [found] = documents(shown)
    return str(found["said"])


def documents(rendered: str) -> list[Document]:
    """The objects of a rendering."""
    return [document for document in yaml.load_all(rendered, Loader=_Loader) if document]


def pod_templates(objects: list[Document]) -> dict[str, Document]:
    """Every pod that a rendering makes, with its labels, by kind and name of what makes it."""
    found = {}
    for obj in objects:
        owner = obj["spec"]["jobTemplate"] if obj["kind"] == "CronJob" else obj
        pod = obj if obj["kind"] == "Pod" else owner.get("spec", {}).get("template", {})
        if "containers" in (pod.get("spec") or {}):
            found[f"{obj['kind']} {obj['metadata']['name']}"] = pod
    return found


def pod_specs(objects: list[Document]) -> dict[str, Document]:
    """The specs of those pods."""
    return {name: pod["spec"] for name, pod in pod_templates(objects).items()}


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
