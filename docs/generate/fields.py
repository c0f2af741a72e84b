"""The page of all fields of the custom resources, from their definitions in `manifests/crds`."""

from collections.abc import Iterator
from typing import Any

import yaml

from docs.generate.markdown import DOCS, code, table

Schema = dict[str, Any]

CRDS = DOCS.parent / "manifests" / "crds"

_HEAD = """\
<!-- Written by docs/generate from manifests/crds: do not edit, run `make reference`. -->
# Fields

Davit never writes defaults into `spec`: the meaning says what holds when a field is absent. kubectl rejects
fields that are not listed here. `[]` stands for an entry of a list, `*` for a key of a map.

The conditions and `replicas` of the status follow the track `stable` only; `tracks` has the others, once
there are some.
"""
_RANGES = (
    ("minimum", "maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " entries"),
    ("minProperties", "maxProperties", " keys"),
)
"""What bounds a field from below and from above, and in what."""


def render() -> str:
    """Render the page."""
    found = (yaml.safe_load(path.read_text()) for path in sorted(CRDS.glob("*.yaml")))
    return "\n".join([_HEAD, *(part for crd in found for part in _kind(crd))])


def _kind(crd: Schema) -> Iterator[str]:
    """Render a kind: how kubectl names and prints it, then a table for each version's spec and status."""
    spec = crd["spec"]
    names = spec["names"]
    for version in spec["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        yield f"## {names['kind']}\n"
        yield f"{schema['description']}\n"
        yield f"`apiVersion: {spec['group']}/{version['name']}`. With kubectl: {_aliases(names)}.\n"
        yield "The columns of `kubectl get`:\n"
        yield table(["Column", "Field", "Meaning"], map(_column, version["additionalPrinterColumns"]))
        for part in ("spec", "status"):
            yield f"### {part}\n"
            yield table(["Field", "Type", "Values", "Meaning"], _rows(schema["properties"][part], part))
            if rules := list(_rules(schema["properties"][part])):
                yield "Rules between fields:\n"
                yield "".join(f"- {rule}.\n" for rule in rules)


def _aliases(names: Schema) -> str:
    every = [names["plural"], names["singular"], *names.get("shortNames", []), *names.get("categories", [])]
    return ", ".join(map(code, every))


def _column(column: Schema) -> list[str]:
    shown = f"{column['name']} (`-o wide`)" if column.get("priority") else column["name"]
    return [shown, code(column["jsonPath"].removeprefix(".")), column.get("description", "")]


def _rows(schema: Schema, path: str, seen: dict[int, str] | None = None) -> Iterator[list[str]]:
    """Render the fields below a path; what an anchor of the file repeats is described once."""
    seen = {} if seen is None else seen
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        here = f"{path}.{name}"
        values = ["required"] if name in required else []
        first = seen.setdefault(id(field), here)
        if first != here and "properties" in _innermost(field):
            values.append(f"as {code(first)}")
        else:
            values += _values(field)
        yield [code(here + _suffix(field)), _type(field), "; ".join(values), field.get("description", "")]
        if first == here:
            yield from _rows(_innermost(field), here + _suffix(field), seen)


def _innermost(field: Schema) -> Schema:
    """Return the schema of a list's entries or of a map's values; else the field's own."""
    inner: Schema = field.get("items") or field.get("additionalProperties") or field
    return inner


def _suffix(field: Schema) -> str:
    if "items" in field:
        return "[]"
    return ".*" if "additionalProperties" in field else ""


def _type(field: Schema) -> str:
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        return f"map to {_type(field['additionalProperties'])}"
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    return "date-time" if field.get("format") == "date-time" else str(field["type"])


def _values(field: Schema) -> Iterator[str]:
    """Yield what a field accepts; of a list and of a map, what an entry accepts."""
    if "enum" in field:
        yield ", ".join(map(code, field["enum"]))
    for least, most, unit in _RANGES:
        if words := _range(field.get(least), field.get(most)):
            yield words + unit
    if "pattern" in field:
        yield f"matches {code(field['pattern'])}"
    if "default" in field:
        yield f"default {code(field['default'])}"
    inner = _innermost(field)
    if inner is not field and "properties" not in inner:
        yield from (f"each {words}" for words in _values(inner))


def _range(least: int | None, most: int | None) -> str:
    if least is not None and most is not None:
        return f"{least} to {most}"
    if least is not None:
        return f"at least {least}"
    return "" if most is None else f"at most {most}"


def _rules(schema: Schema) -> Iterator[str]:
    """Yield what the validations of the API server say, of a schema and all below it."""
    for rule in schema.get("x-kubernetes-validations", []):
        yield rule["message"]
    if (inner := _innermost(schema)) is not schema:
        yield from _rules(inner)
    for field in schema.get("properties", {}).values():
        yield from _rules(field)
