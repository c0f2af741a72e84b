"""The CRD and the operator's models say the same; the samples keep to both."""

import re
import types
import typing
from pathlib import Path
from typing import Any

import pytest
import yaml
from davit_registry import InvalidReference, parse_reference
from davit_resource import constants
from davit_resource.v1alpha1 import ModelDeploymentSpec, ModelDeploymentStatus, parse_resource
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from support.schemas.crd import ROOT, check_against_crd, load_crd, load_schema

SAMPLES = sorted((ROOT / "manifests" / "samples").glob("*.yaml"))


def fields_of_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: fields_below(one) for name, one in schema.get("properties", {}).items()}


def fields_below(schema: dict[str, Any]) -> dict[str, Any]:
    return fields_of_schema(schema.get("items", schema))


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The pydantic model in `X`, `X | None` or `list[X]`."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for part in typing.get_args(annotation) if (found := model_in(part))), None)


def fields_of_model(model: type[BaseModel], schema: dict[str, Any]) -> dict[str, Any]:
    """The model's fields; where it passes a part through as it is, the schema's word counts."""
    found = {}
    for name, field in model.model_fields.items():
        alias = field.alias or name
        below = model_in(field.annotation)
        inner = schema.get(alias, {})
        found[alias] = fields_of_model(below, inner) if below else inner
    return found


@pytest.mark.parametrize(
    ("part", "model"), [("spec", ModelDeploymentSpec), ("status", ModelDeploymentStatus)]
)
def test_the_schema_and_the_models_have_the_same_fields(part, model):
    schema = fields_of_schema(load_schema()["properties"][part])
    assert fields_of_model(model, schema) == schema


def test_the_schema_and_the_models_require_the_same_fields():
    model = load_schema()["properties"]["spec"]
    assert model["required"] == ["model"]
    assert model["properties"]["model"]["required"] == ["uri"]
    assert [name for name, field in ModelDeploymentSpec.model_fields.items() if field.is_required()] == [
        "model"
    ]


def test_the_names_in_the_crd_equal_the_constants():
    crd = load_crd()
    assert crd["metadata"]["name"] == f"{constants.PLURAL}.{constants.GROUP}"
    assert crd["spec"]["names"]["kind"] == constants.KIND
    assert crd["spec"]["versions"][0]["name"] == constants.VERSION


def test_the_schema_has_no_defaults_and_prunes_unknown_fields():
    def words(tree: Any) -> set[str]:
        if isinstance(tree, dict):
            return set(tree).union(*map(words, tree.values()))
        return set().union(*map(words, tree)) if isinstance(tree, list) else set()

    assert not words(load_schema()) & {"default", "x-kubernetes-preserve-unknown-fields", "nullable"}


def test_every_field_of_the_crd_has_a_description():
    def undescribed(schema: dict[str, Any], path: str) -> list[str]:
        found = [
            f"{path}.{name}"
            for name, one in schema.get("properties", {}).items()
            if "description" not in one and name != "metadata"
        ]
        for name, one in schema.get("properties", {}).items():
            found += undescribed(one.get("items", one), f"{path}.{name}")
        return found

    # Terms that Kubernetes defines once and uses in two places are described where they are defined.
    ours = [path for path in undescribed(load_schema(), "") if ".affinity." not in path]
    assert ours == [".spec.env.valueFrom.resourceFieldRef.divisor"]


def test_every_rule_names_its_field_and_the_cure():
    def rules(tree: Any) -> list[dict[str, str]]:
        if isinstance(tree, dict):
            return tree.get("x-kubernetes-validations", []) + [
                one for part in tree.values() for one in rules(part)
            ]
        return [one for part in tree for one in rules(part)] if isinstance(tree, list) else []

    found = [rule for rule in rules(load_schema()) if "rule" in rule]
    assert len(found) >= 8
    for rule in found:
        assert "spec." in rule["message"], rule
        assert re.search(r": \w+|keep one|needs exactly one", rule["message"]), rule


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_samples_are_valid_for_the_schema_and_the_models(sample: Path):
    body = yaml.safe_load(sample.read_text())
    check_against_crd(body)
    metadata = {"namespace": "demo", "uid": "u", **body["metadata"]}
    assert (
        parse_resource({**body, "metadata": metadata}).parse_spec().model.uri == body["spec"]["model"]["uri"]
    )


def test_the_minimal_sample_has_six_lines():
    assert len((ROOT / "manifests/samples/minimal.yaml").read_text().splitlines()) == 6


def test_the_full_sample_shows_every_field():
    body = yaml.safe_load((ROOT / "manifests/samples/full.yaml").read_text())
    schema = load_schema()["properties"]["spec"]["properties"]
    assert body["spec"].keys() == schema.keys()
    assert body["spec"]["server"].keys() == schema["server"]["properties"].keys()
    assert body["spec"]["model"].keys() == schema["model"]["properties"].keys()
    assert body["spec"]["service"].keys() == schema["service"]["properties"].keys()


def uri_pattern() -> str:
    (rule,) = load_schema()["properties"]["spec"]["properties"]["model"]["properties"]["uri"][
        "x-kubernetes-validations"
    ]
    found = re.search(r"matches\('(.*)'\)", rule["rule"])
    assert found
    return found[1]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
SHAPES = st.sampled_from(
    ["models:/{}/{}", "models:/{}@{}", "models:/m-{}{}", "runs:/{}/{}", "s3://{}/{}", "{}{}"]
)


PATTERN = uri_pattern()


@given(SHAPES, WORDS, WORDS)
def test_the_crd_accepts_every_reference_that_the_parser_accepts(shape, one, other):
    uri = shape.format(one, other)
    try:
        parse_reference(uri)
    except InvalidReference:
        return
    assert re.search(PATTERN, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "iris",
        "models:/iris",
        "models:iris/1",
        "models:/",
        "models:/iris/1/2",
        "runs:/abc",
        "s3://",
        "file:///x",
        "http://x",
    ],
)
def test_the_crd_rejects_what_has_none_of_the_six_forms(uri):
    assert not re.search(PATTERN, uri)
