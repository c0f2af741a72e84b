"""The OpenAPI document says what this very model takes."""

import json

import jsonschema
import pytest
from support.models import model_path
from support.serving import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


async def document_of(model: str) -> dict:
    async with serving(model) as client:
        assert (await client.get("/docs")).status_code == 200
        return (await client.get("/openapi.json")).json()


def request_of(document: dict) -> dict:
    return document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]


@pytest.mark.parametrize("model", ["iris", "frame", "typehint", "typehint_pyd", "by_name"])
async def test_the_models_own_example_fits_its_schema(model):
    request = request_of(await document_of(model))
    assert request["example"] == json.loads((model_path(model) / "serving_input_example.json").read_text())
    jsonschema.Draft202012Validator(request["schema"]).validate(request["example"])


async def test_columns_have_their_types_and_optional_ones_may_be_missing():
    schema = request_of(await document_of("mixed"))["schema"]
    row = next(choice for choice in schema["oneOf"] if "dataframe_records" in choice["properties"])
    row = row["properties"]["dataframe_records"]["items"]
    assert row["properties"]["i"] == {"type": "integer", "format": "int64"}
    assert row["properties"]["d"] == {"type": "string", "format": "date-time"}
    assert set(row["required"]) == {"i", "f", "s", "b", "d"}


async def test_parameters_come_with_their_defaults():
    schema = request_of(await document_of("params"))["schema"]
    params = schema["oneOf"][0]["properties"]["params"]["properties"]
    assert params["scale"]["default"] == 1.0
    assert params["names"] == {"type": "array", "items": {"type": "string"}, "default": ["a"]}


async def test_tensors_have_their_shape():
    schema = request_of(await document_of("tensor"))["schema"]
    tensor = schema["oneOf"][0]["properties"]["inputs"]
    assert tensor == {
        "type": "array",
        "items": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
    }


async def test_pydantic_models_appear_with_their_fields():
    schema = request_of(await document_of("typehint_pyd"))["schema"]
    message = schema["properties"]["inputs"]["items"]
    assert message["properties"]["n"]["type"] == "integer"
    assert "opt" not in message["required"]


async def test_several_outputs_are_described():
    document = await document_of("frame")
    answer = document["paths"]["/invocations"]["post"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    assert set(answer["properties"]["predictions"]["items"]["properties"]) == {"double", "name", "big"}


@pytest.mark.parametrize("model", ["nosig", "echo"])
async def test_a_model_without_a_signature_still_has_a_document(model):
    document = await document_of(model)
    assert {"/invocations", "/v2/models/{name}/infer", "/metrics"} <= document["paths"].keys()
