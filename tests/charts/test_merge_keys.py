"""How lists are compared and merged, against what Kubernetes' own OpenAPI document says of the objects we apply.

Here and not beside the operator's tests because the document comes from Kubernetes' Go module, as for the charts.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from davit_operator.engine.drift import MERGE_KEYS
from support.golden import GOLDEN
from support.schemas.kubernetes import Schema, definition_of, resolve

OBJECTS = [
    obj
    for path in sorted((GOLDEN / "operator").glob("*.yaml"))
    for obj in yaml.safe_load_all(path.read_text())
]


def lists_in(value: Any, schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Each list of objects in a tree, with its schema; lists of plain values have no keys."""
    schema = {**schema, **resolve(schema)}
    if isinstance(value, dict):
        for name, below in value.items():
            inner = schema.get("properties", {}).get(name)
            if inner is not None:
                yield from lists_in(below, inner, f"{path}.{name}")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        yield path, schema
        for item in value:
            yield from lists_in(item, schema["items"], path)


def test_the_reviewed_objects_are_of_all_kinds_that_are_applied():
    assert {obj["kind"] for obj in OBJECTS} == {"Deployment", "PodDisruptionBudget", "Service"}


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: f"{obj['kind']}-{obj['metadata']['name']}")
def test_lists_are_merged_by_the_keys_that_the_api_server_uses(obj):
    found = list(lists_in(obj, definition_of(obj["apiVersion"], obj["kind"]), obj["kind"]))
    assert found, "every object of ours has an owner reference"
    for path, schema in found:
        known = resolve(schema["items"])["properties"]
        ours = [key for key in MERGE_KEYS.get(path.rpartition(".")[2], ()) if key in known]
        theirs = schema.get("x-kubernetes-list-map-keys", [])
        assert sorted(ours) == sorted(theirs), path


def test_every_merge_key_belongs_to_a_list_that_the_operator_applies():
    found = {
        path.rpartition(".")[2]
        for obj in OBJECTS
        for path, _ in lists_in(obj, definition_of(obj["apiVersion"], obj["kind"]), obj["kind"])
    }
    assert set(MERGE_KEYS) <= found
