"""Writes the tables of values into the charts' READMEs: names, types, defaults, comments of `values.yaml`.

Everything else in a README is written by hand. Run it after a change to a chart's values (`make manifests`);
a test fails when that was forgotten.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

CHARTS = Path(__file__).parent
BEGIN = "<!-- The tables below are written by charts/readme.py from values.yaml: do not edit. -->\n"
END = "<!-- End of the tables. -->\n"
ONE_VALUE = {"resources", "affinity", "behavior"}
"""Blocks with keys of Kubernetes, which need no explanation."""

Schema = dict[str, Any]


@dataclass(frozen=True)
class Value:
    """One key of `values.yaml`, or a block of them.

    Attributes:
        path: The key with the keys above it.
        text: The comment above it.
        default: What the file says; nothing for a block, whose keys follow.
        type: What the schema allows, in words.
    """

    path: tuple[str, ...]
    text: str
    default: str
    type: str


def render(chart: Path) -> str:
    """Return the text that the README must have."""
    readme = (chart / "README.md").read_text()
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + _tables(list(read_values(chart))) + END + after


def read_values(chart: Path) -> Iterator[Value]:
    """Return every value of a chart, in the order of its file."""
    text = (chart / "values.yaml").read_text()
    root = cast("yaml.MappingNode", yaml.compose(text, Loader=yaml.SafeLoader))
    schema = json.loads((chart / "values.schema.json").read_text())
    yield from _walk(root, (), text.splitlines(), schema, schema)


def _walk(
    block: yaml.MappingNode, above: tuple[str, ...], lines: list[str], node: Schema, schema: Schema
) -> Iterator[Value]:
    for key, value in block.value:
        path = (*above, key.value)
        comment = _comment(lines, key.start_mark.line)
        part = _resolve(_properties(node, schema)[key.value], schema)
        if isinstance(value, yaml.MappingNode) and _properties(part, schema) and path[-1] not in ONE_VALUE:
            yield Value(path, comment, "", "")
            yield from _walk(value, path, lines, part, schema)
        else:
            default = json.dumps(yaml.SafeLoader("").construct_document(value))
            yield Value(path, comment, default, _type(part, schema))


def _comment(lines: list[str], key: int) -> str:
    """Return the comment directly above a line."""
    first = key
    while first and lines[first - 1].strip().startswith("#"):
        first -= 1
    return " ".join(line.strip().removeprefix("#").strip() for line in lines[first:key])


def _resolve(node: Schema, schema: Schema) -> Schema:
    while "$ref" in node:
        node = schema["definitions"][node["$ref"].removeprefix("#/definitions/")]
    return node


def _properties(node: Schema, schema: Schema) -> Schema:
    parts = [_properties(_resolve(part, schema), schema) for part in node.get("allOf", [])]
    own: Schema = node.get("properties", {})
    return {name: part for found in parts for name, part in found.items()} | own


def _type(node: Schema, schema: Schema) -> str:
    if "enum" in node:
        return ", ".join(f"`{choice}`" for choice in node["enum"])
    if node.get("type") == "array":
        return f"list of {_plural(_type(_resolve(node.get('items', {}), schema), schema))}"
    return str(node.get("type", "any"))


def _plural(noun: str) -> str:
    return noun if noun.startswith("`") else f"{noun}s"


def _tables(values: list[Value]) -> str:
    """Format one table for top-level values, then one for each block of the file."""
    blocks: dict[str, list[Value]] = {}
    for value in values:
        alone = len(value.path) == 1 and value.type
        blocks.setdefault("" if alone else value.path[0], []).append(value)
    return "".join(_table(name, blocks[name]) for name in sorted(blocks, key=bool))


def _table(name: str, values: list[Value]) -> str:
    title = ""
    if name:
        title = f"\n### {name}\n" + (f"\n{values[0].text}\n" if values[0].text else "")
        values = values[1:]
    rows = "".join(_row(value) for value in values if value.type or value.text)
    return f"{title}\n| value | type | default | meaning |\n|---|---|---|---|\n{rows}"


def _row(value: Value) -> str:
    default = f"`{value.default}`" if value.default else ""
    cells = (f"`{'.'.join(value.path)}`", value.type, default, value.text)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def main() -> None:
    """Write the README of every chart."""
    for chart in sorted(path.parent for path in CHARTS.glob("*/Chart.yaml")):
        (chart / "README.md").write_text(render(chart))


if __name__ == "__main__":
    main()
