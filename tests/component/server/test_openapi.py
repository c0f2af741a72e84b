"""The OpenAPI document says what this very model takes."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.models.saved import (
    ColSpec,
    ModelSignature,
    ParamSchema,
    ParamSpec,
    Schema,
    mlflow,
    model_path,
    save_python,
)
from support.servers.in_process import serving

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


class Anything(mlflow.pyfunc.PythonModel):
    """Answers with zeros."""

    def predict(self, context, model_input, params=None):
        return [0] * len(model_input)


def strict(text: str) -> Any:
    """What a reader of JSON sees who knows no NaN."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(
    ("example", "shown"),
    [
        (
            b'{"dataframe_records": [{"x": NaN}, {"x": -Infinity}]}',
            {"dataframe_records": [{"x": None}, {"x": None}]},
        ),
        (b'{"dataframe_records": [{"x": 1e999}]}', {"dataframe_records": [{"x": None}]}),
        (rb'{"inputs": ["\ud800"]}', {"inputs": ["\ud800"]}),
    ],
)
async def test_an_example_with_missing_values_is_shown_in_strict_json(example, shown, tmp_path):
    folder = tmp_path / "model"
    save_python(folder, Anything())
    mlmodel = folder / "MLmodel"
    mlmodel.write_text(
        mlmodel.read_text()
        + "saved_input_example_info: {artifact_path: e.json, serving_input_path: e.json, type: json_object}\n"
    )
    (folder / "e.json").write_bytes(example)
    async with serving(folder) as client:
        answer = await client.get("/openapi.json")
        page = await client.get("/docs")
    operation = strict(answer.text)["paths"]["/invocations"]["post"]
    assert operation["requestBody"]["content"]["application/json"]["example"] == shown
    assert ("NaN or infinities" in operation.get("description", "")) == ("null" in json.dumps(shown))
    assert page.status_code == 200


def odd_model(folder: Path) -> Path:
    """Unusual names and defaults."""
    path = folder / "model"
    columns = [ColSpec("double", "<script>alert(1)</script>"), ColSpec("double", "http://column.example/")]
    params = ParamSchema(
        [
            ParamSpec("limit", "double", float("inf")),
            ParamSpec("floor", "double", float("nan")),
            ParamSpec("when", "datetime", "2024-01-31T12:00:00"),
        ]
    )
    save_python(path, Anything(), signature=ModelSignature(Schema(columns), params=params))
    return path


async def test_non_finite_defaults_are_shown_as_null(tmp_path):
    async with serving(odd_model(tmp_path)) as client:
        document = strict((await client.get("/openapi.json")).text)
    params = request_of(document)["schema"]["oneOf"][0]["properties"]["params"]["properties"]
    assert params["limit"]["default"] is None
    assert params["floor"]["default"] is None


class Loads(HTMLParser):
    """What a browser would load for a page, and the elements it would make."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in {"src", "href", "action"}]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect", "/", "/docs/"])
async def test_no_page_loads_external_resources(path):
    async with serving("iris") as client:
        answer = await client.get(path)
    assert answer.status_code == (200 if path == "/docs" else 404)
    assert not re.search(r"https?:|//[a-z]", answer.text)


async def test_the_page_shows_the_model_and_escapes_its_texts(tmp_path):
    async with serving(odd_model(tmp_path)) as client:
        answer = await client.get("/docs")
    loads = Loads(answer.text)
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert loads.tags.count("script") == 1
    assert {address for address in loads.addresses if "/" in address} == set()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<h1>m 7</h1>" in answer.text


async def test_the_page_has_every_operation_and_a_command_for_the_shell(tmp_path):
    async with serving("iris") as client:
        page = (await client.get("/docs")).text
        paths = (await client.get("/openapi.json")).json()["paths"]
    assert [path for path in paths if f"<code>{path}</code>" not in page] == []
    assert "curl $SERVER/invocations" in page
    assert "sepal length (cm)" in page
