"""Values as an interface: each stands in `values.yaml` with a comment above it, and in the schema, and nowhere else."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from support.charts.rendering import CHARTS, ChartError, render

Schema = dict[str, Any]


def schema_of(chart: str) -> Schema:
    return json.loads((CHARTS / chart / "values.schema.json").read_text())


def resolved(root: Schema, node: Schema) -> Schema:
    while "$ref" in node:
        node = root["definitions"][node["$ref"].removeprefix("#/definitions/")]
    parts = [resolved(root, part) for part in node.get("allOf", [])]
    properties = {name: value for part in parts for name, value in part.get("properties", {}).items()}
    return {**node, "properties": {**properties, **node["properties"]}} if "properties" in node else node


def nodes(node: Any, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema of an object, with its place in the file."""
    if isinstance(node, list):
        for at, one in enumerate(node):
            yield from nodes(one, f"{path}/{at}")
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            yield path, node
        for name, one in node.items():
            yield from nodes(one, f"{path}/{name}")


def settings(text: str) -> Iterator[tuple[list[str], yaml.Node, bool]]:
    """Every key of a values file with its value, and whether a comment stands directly above it."""
    lines = text.splitlines()

    def walk(node: yaml.MappingNode, path: list[str]):
        for key, value in node.value:
            above = lines[key.start_mark.line - 1].strip() if key.start_mark.line else ""
            yield [*path, key.value], value, above.startswith("#")
            if isinstance(value, yaml.MappingNode):
                yield from walk(value, [*path, key.value])

    yield from walk(yaml.compose(text, Loader=yaml.SafeLoader), [])


def test_an_unknown_value_is_rejected_at_every_level(chart: str):
    # What Kubernetes itself defines and checks is open: volumes, which have dozens of kinds.
    lax = [path for path, node in nodes(schema_of(chart)) if node.get("additionalProperties") is not False]
    assert [path for path in lax if not path.startswith("/definitions/volumes/")] == []


def test_every_value_has_a_comment_above_it(chart: str):
    found = list(settings((CHARTS / chart / "values.yaml").read_text()))
    blocks = [path for path, value, commented in found if isinstance(value, yaml.MappingNode) and commented]
    silent = [
        ".".join(path)
        for path, value, commented in found
        if not commented
        and not (isinstance(value, yaml.MappingNode) and value.value)
        and not ("resources" in path and path[: path.index("resources") + 1] in blocks)
    ]
    assert silent == []


def test_values_and_schema_know_the_same_names(chart: str):
    schema = schema_of(chart)
    default = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())

    def compare(values: Any, node: Schema, path: str) -> Iterator[str]:
        node = resolved(schema, node)
        if not isinstance(values, dict) or "properties" not in node or not values:
            return
        for name in {*values, *node["properties"]} - {"global"}:
            if name not in values or name not in node["properties"]:
                yield f"{path}{name}"
            else:
                yield from compare(values[name], node["properties"][name], f"{path}{name}.")

    assert sorted(compare(default, schema, "")) == []


@pytest.mark.parametrize("label", ["app.kubernetes.io/name", "app.kubernetes.io/component"])
def test_values_cannot_override_labels_of_selectors(label: str):
    key = label.replace(".", "\\.")
    with pytest.raises(ChartError, match=f"invalid propertyName '{label}'"):
        render("mlflow-stack", "mlflow", "--set-string", f"server.podLabels.{key}=mine")
