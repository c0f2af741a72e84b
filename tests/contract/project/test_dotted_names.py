"""Every dotted name in the pages and the messages is a field of the CRD or a value of a chart, as it is today."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.schemas.crd import load_schema

ROOT = Path(__file__).parents[3]
CHARTS = ["davit-operator", "mlflow-stack"]
PACKAGES = [
    "operator/davit_operator",
    "server/davit_server",
    "registry/davit_registry",
    "environment/davit_environment",
    "examples",
]

NAME = re.compile(r"(?<![\w./:@-])[a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*(?:\[[^\]]*\])?)+(?![\w(/-]|\.\w)")
FIELD = re.compile(r"(?<![\w.])(?:spec|status)(?:\.[a-z][A-Za-z0-9]*(?:\[[^\]]*\])?)+(?!\w)")
FILES = {"py", "yaml", "yml", "toml", "md", "json", "txt", "mod", "crt", "key", "pem", "lua", "tpl", "sh"}
FOREIGN = {
    "blob.core.chinacloudapi.cn",  # hosts
    "blob.core.usgovcloudapi.net",
    "blob.core.windows.net",
    "cluster.local",
    "davit.batching",  # a key in an MLmodel file's metadata
    "dev.davit.inputs",  # a label of images
    "http.client",  # Python
    "on.event",
    "pyfunc.predict",
    "sys.exit",
    "metadata.creationTimestamp",  # of every object
    "status.podIP",  # of a pod
    "uv.lock",  # a file
}


@cache
def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]


@cache
def schema() -> dict[str, Any]:
    return load_schema()


@cache
def values(chart: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / "charts" / chart / "values.yaml").read_text())


def is_value(name: str) -> bool:
    return any(_is_below(name.removeprefix("values.").split("."), values(chart)) for chart in CHARTS)


def _is_below(path: list[str], tree: Any) -> bool:
    """Whether there is such a value; below an empty map, a list or a text anything may stand."""
    if not path or not isinstance(tree, dict) or not tree:
        return not path or tree in ({}, [], None)
    return path[0] in tree and _is_below(path[1:], tree[path[0]])


def is_field(name: str) -> bool:
    return _is_in_schema(re.sub(r"\[[^\]]*\]", "", name).split("."), schema())


def _is_in_schema(path: list[str], node: dict[str, Any]) -> bool:
    node = node.get("items", node)
    if not path or "additionalProperties" in node or node.get("x-kubernetes-preserve-unknown-fields"):
        return True
    known = node.get("properties", {})
    return path[0] in known and _is_in_schema(path[1:], known[path[0]])


def quoted(text: str) -> Iterator[str]:
    """Names in backticks; the part before `=` or `:` of those with a value."""
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    for span in re.findall(r"`([^`\n]+)`", prose):
        for found in NAME.finditer(span):
            name = found.group()
            if name.rpartition(".")[2] not in FILES and name not in FOREIGN:
                yield name


def wrong_fields(text: str) -> Iterator[str]:
    for name in FIELD.findall(text):
        if not (is_field(name) or name in FOREIGN or name.rpartition(".")[2] in FILES):
            yield name


def strings(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("page", tracked("*.md"), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_dotted_name_in_a_page_is_a_value_or_a_field(page: Path):
    wrong = {
        name
        for name in quoted(page.read_text())
        if not (is_field(name.removeprefix("modeldeployment.")) or is_value(name))
    }
    assert wrong == set()


@pytest.mark.parametrize(
    "page",
    tracked("*.md", "*NOTES.txt", "charts/*.yaml", "manifests/crds/*.yaml", "*.toml"),
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_every_field_of_a_modeldeployment_in_a_page_is_in_its_definition(page: Path):
    assert set(wrong_fields(page.read_text())) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_field_in_a_message_is_in_the_definition(package: str):
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in tracked(f"{package}/*.py")
        for text in strings(path)
        for name in wrong_fields(text)
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("registry.secretName", True),
        ("registry.caSecretName", False),
        ("regsitry.url", False),
        ("metrics.prometheusRule.runbooks", True),
        ("metrics.prometheusRule.runbook", False),
        ("values.registry.url", True),
        ("spec.model.uri", True),
        ("spec.model.registry.url", True),
        ("spec.model.registry.caSecret", False),
        ("spec.modell", False),
        ("status.model.target.integrity", True),
        ("status.conditions[0].reason", True),
        ('status.conditions[?(@.type=="Ready")].reason', True),
        ('status.conditions[?(@.type=="Ready")].cause', False),
        ("spec.resources.limits.memory", True),
    ],
)
def test_the_check_itself_finds_wrong_names(name: str, right: bool):
    assert (is_field(name) or is_value(name)) is right
