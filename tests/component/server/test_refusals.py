"""A refusal names the column, field or param that does not fit, by the signature's names, and quotes nothing."""

import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydantic
import pytest
from support.models.saved import (
    ColSpec,
    ModelSignature,
    ParamSchema,
    ParamSpec,
    Schema,
    TensorSpec,
    infer_signature,
    mlflow,
    save_python,
)
from support.servers.in_process import serving
from support.servers.mlflow_scoring import mlflow_serving

pytestmark = pytest.mark.filterwarnings("ignore")

SECRET = "s3cr3t"
JSON = "application/json"


class Counting(mlflow.pyfunc.PythonModel):
    """Answers every input that fits with its number of rows."""

    def predict(self, context, model_input, params=None):
        rows = model_input if not isinstance(model_input, dict) else next(iter(model_input.values()))
        return [len(rows)]


class Summing(mlflow.pyfunc.PythonModel):
    """Adds the columns up, so that a wrong order or a lost column shows."""

    def predict(self, context, model_input, params=None):
        return (model_input * [1, 10, 100]).sum(axis=1).tolist()


class Address(pydantic.BaseModel):
    """A part of a person."""

    city: str
    numbers: list[int]


class Person(pydantic.BaseModel):
    """What the hinted model takes."""

    name: str
    height_cm: int
    address: Address
    born: dt.datetime | None = None
    tags: dict[str, int] = {}


class Hinted(mlflow.pyfunc.PythonModel):
    """Typed by pydantic."""

    def predict(self, model_input: list[Person], params=None) -> list[str]:
        return [person.name for person in model_input]


class HintedNumbers(mlflow.pyfunc.PythonModel):
    """Typed by Python's own types."""

    def predict(self, model_input: list[list[int]], params=None) -> list[int]:
        return [sum(numbers) for numbers in model_input]


ADA = {"name": "Ada", "height_cm": 170, "address": {"city": "London", "numbers": [1]}}


def saved(folder: Path, model: Any, **options: Any) -> Path:
    path = folder / "model"
    save_python(path, model, **options)
    return path


def with_columns(folder: Path, *specs: ColSpec | TensorSpec, params: ParamSchema | None = None) -> Path:
    return saved(folder, Counting(), signature=ModelSignature(Schema(list(specs)), params=params))


async def refusal(folder: Path, body: Any, kind: str = JSON) -> str:
    """The message, without what follows on the whole signature; MLflow's server refuses the same request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with serving(folder) as client, mlflow_serving(folder) as theirs:
        answer = await client.post("/invocations", content=content, headers={"content-type": kind})
        same = await theirs.post("/invocations", content=content, headers={"content-type": kind})
        scrape = (await client.get("/metrics")).text
    assert answer.status_code == same.status_code == 400, answer.text
    assert 'outcome="invalid",version="7"} 1.0' in scrape
    assert SECRET not in answer.text
    message: str = answer.json()["message"]
    assert message.endswith(".")
    return message.partition(", for a model")[0]


KINDS = {
    "double": SECRET,
    "long": SECRET,
    "integer": SECRET,
    "datetime": SECRET,
    "float": SECRET,
}


FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances", "csv")


@pytest.mark.parametrize(
    ("form", "kind"),
    [(form, kind) for form in FORMS for kind in KINDS if (form, kind) != ("csv", "datetime")],
)
async def test_the_column_and_row_of_a_value_that_does_not_convert(form, kind, tmp_path):
    good = {"datetime": "2024-01-31T12:00:00"}.get(kind, 1)
    rows = [{"a": good, "b": good, "c": 1} for _ in range(5)]
    rows[3]["b"] = KINDS[kind]
    folder = with_columns(tmp_path, ColSpec(kind, "a"), ColSpec(kind, "b"), ColSpec("double", "c"))
    if form == "csv":
        told = await refusal(folder, pd.DataFrame(rows).to_csv(index=False).encode(), "text/csv")
    elif form == "dataframe_split":
        split = {"columns": ["a", "b", "c"], "data": [list(row.values()) for row in rows]}
        told = await refusal(folder, {form: split})
    else:
        told = await refusal(folder, {form: rows})
    assert "'b'" in told
    assert "row 3" in told
    assert kind in told


@pytest.mark.parametrize("form", ["dataframe_records", "inputs", "instances"])
async def test_the_column_of_a_list_where_there_must_be_a_number(form, tmp_path):
    folder = with_columns(tmp_path, ColSpec("double", "a"), ColSpec("double", "b"))
    told = await refusal(folder, {form: [{"a": 1, "b": 1}, {"a": 1, "b": [1]}]})
    assert told.startswith("Column 'b' holds a value")


async def test_the_column_of_a_list_of_values(tmp_path):
    folder = with_columns(tmp_path, ColSpec("double", "a"), ColSpec("long", "b"))
    told = await refusal(folder, {"inputs": {"a": [1.0, 2.0], "b": [1, SECRET]}})
    assert told == "Column 'b' holds a value that cannot be converted to long."


@pytest.mark.parametrize("form", ["dataframe_records", "inputs"])
async def test_the_column_of_a_datetime_with_a_zone(form, tmp_path):
    folder = with_columns(tmp_path, ColSpec("datetime", "since"), ColSpec("datetime", "until"))
    row = {"since": "2024-01-31T12:00:00", "until": "2024-01-31T12:00:00Z"}
    told = await refusal(folder, {form: [row, row]}) if form != "inputs" else ""
    assert form == "inputs" or ("'until'" in told and "time zone" in told and "'since'" not in told)


async def test_the_column_of_a_parquet_table(tmp_path):
    folder = with_columns(tmp_path, ColSpec("long", "a"), ColSpec("long", "b"))
    table = io.BytesIO()
    pd.DataFrame({"a": [1], "b": [0.5]}).to_parquet(table)
    told = await refusal(folder, table.getvalue(), "application/vnd.apache.parquet")
    assert "'b'" in told
    assert "long" in told


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"scale": 2.0, "top_k": SECRET}, "'top_k' must be of type long"),
        ({"scale": True}, "'scale' must be of type double"),
        ({"names": SECRET}, "'names' must be a list of string values"),
        ({"top_k": 1.5, "scale": [1]}, "'top_k' must be of type long; 'scale' must be of type double"),
        ([SECRET], "'params' must be an object"),
    ],
)
async def test_the_param_and_its_type(params, told, tmp_path):
    schema = ParamSchema(
        [
            ParamSpec("top_k", "long", 3),
            ParamSpec("scale", "double", 1.0),
            ParamSpec("names", "string", ["a"], shape=(-1,)),
        ]
    )
    folder = with_columns(tmp_path, ColSpec("double", "x"), params=schema)
    assert told in await refusal(folder, {"dataframe_records": [{"x": 1}], "params": params})


@pytest.mark.parametrize(
    ("person", "told"),
    [
        ({"name": "Ada"}, "inputs[1].height_cm is missing"),
        (ADA | {"height_cm": SECRET}, "inputs[1].height_cm must be an integer"),
        (ADA | {"address": {"city": SECRET}}, "inputs[1].address.numbers is missing"),
        (ADA | {"address": {"city": "x", "numbers": [1, SECRET]}}, "inputs[1].address.numbers[1] must be an"),
        (ADA | {"address": SECRET}, "inputs[1].address must be an object"),
        (ADA | {"born": SECRET}, "inputs[1].born must be a date and time"),
        (ADA | {"tags": {SECRET: "x"}}, "inputs[1].tags.… must be an integer"),
        (SECRET, "inputs[1] must be an object"),
    ],
)
async def test_the_field_of_a_type_hint(person, told, tmp_path):
    folder = saved(tmp_path, Hinted(), input_example=[ADA])
    assert told in await refusal(folder, {"inputs": [ADA, person]})


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([[1], [2, SECRET]], "inputs[1][1] must be"),
        ([[1], SECRET], "inputs[1] must be a list"),
        ([[1], [1.5]], "inputs[1][0] must be"),
        (SECRET, "'inputs' must be a list"),
    ],
)
async def test_the_position_of_a_value_without_a_python_type(inputs, told, tmp_path):
    folder = saved(tmp_path, HintedNumbers(), input_example=[[1, 2]])
    assert told in await refusal(folder, {"inputs": inputs})


def nested() -> ColSpec:
    from mlflow.types.schema import Array, DataType, Map, Object, Property

    point = Object([Property("lat", DataType.double), Property("lon", DataType.double)])
    return ColSpec(
        Object(
            [
                Property("point", point),
                Property("words", Array(DataType.string)),
                Property("counts", Map(DataType.long), required=False),
            ]
        ),
        "place",
    )


GOOD = {"point": {"lat": 1.0, "lon": 2.0}, "words": ["a"]}


@pytest.mark.parametrize("form", ["dataframe_records", "inputs"])
@pytest.mark.parametrize(
    ("place", "told"),
    [
        ({**GOOD, "point": {"lat": 1.0}}, "point.lon is missing"),
        ({**GOOD, "point": {"lat": 1.0, "lon": SECRET}}, "point.lon must be a double"),
        ({**GOOD, "words": SECRET}, "words must be a list"),
        ({**GOOD, "counts": {SECRET: "x"}}, "counts[…] must be a long"),
        ({**GOOD, SECRET: 1}, "it has a property that the signature does not name"),
        (SECRET, "it must be an object"),
    ],
)
async def test_the_property_of_a_nested_value(form, place, told, tmp_path):
    folder = with_columns(tmp_path, nested())
    message = await refusal(folder, {form: [{"place": GOOD}, {"place": place}]})
    assert message.endswith(f"{told}.")
    assert "Column 'place' holds a value in row 1" in message


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"a": [[1.0, 2.0]], "b": [1]}, "Input 'a' has the shape [1, 2]; the model takes [-1, 3]"),
        ({"a": [[1.0, 2.0, 3.0]], "b": [[1]]}, "Input 'b' has the shape [1, 1]; the model takes [-1]"),
        (
            {"a": [[1.0, 2.0, 3.0]], "b": [SECRET]},
            "Input 'b' holds a value that cannot be converted to int64",
        ),
        ({"a": [[1.0, 2.0, 3.0], [1.0]], "b": [1]}, "Input 'a' has lists of unequal length"),
        ({"a": [[1.0, 2.0, 3.0]]}, "The input lacks 'b'"),
    ],
)
async def test_the_shape_and_type_of_a_tensor(inputs, told, tmp_path):
    folder = with_columns(
        tmp_path, TensorSpec(np.dtype("float64"), (-1, 3), "a"), TensorSpec(np.dtype("int64"), (-1,), "b")
    )
    assert told in await refusal(folder, {"inputs": inputs})


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([[1.0, 2.0]], "The input has the shape [1, 2]; the model takes [-1, 4]"),
        ([[1.0, 2.0, 3.0, SECRET]], "'inputs' holds a value that cannot be converted to float64"),
        ([[1.0], [1.0, 2.0]], "'inputs' has lists of unequal length"),
    ],
)
async def test_the_shape_of_a_tensor_without_a_name(inputs, told):
    from support.models.saved import model_path

    assert told in await refusal(model_path("tensor"), {"inputs": inputs})


@pytest.mark.parametrize(
    ("split", "told"),
    [
        (
            {"columns": ["a", "b"], "data": [[1], [1, 2, 3]]},
            "Row 1 of 'data' has 3 values, but 'columns' has 2",
        ),
        ({"columns": ["a", "b", "a"], "data": [[1, 2, 3]]}, "Two columns of the request have the same name"),
        ({"columns": ["a", SECRET], "data": [[1, 2]]}, "The input lacks 'b'"),
        ([1], "'dataframe_split' does not fit the model. It must be an object with 'data'"),
    ],
)
async def test_what_is_wrong_with_a_table(split, told, tmp_path):
    folder = with_columns(tmp_path, ColSpec("double", "a"), ColSpec("double", "b"))
    assert told in await refusal(folder, {"dataframe_split": split})


@pytest.mark.parametrize("name", [["b"], {"b": 1}])
async def test_null_column_names_do_not_crash_the_server(name, tmp_path):
    folder = with_columns(tmp_path, ColSpec("double", "a"), ColSpec("double", "b"))
    async with serving(folder) as client:
        split = {"columns": ["a", name], "data": [[1, 2]]}
        answer = await client.post("/invocations", json={"dataframe_split": split})
    assert answer.status_code == 400
    assert "'dataframe_split' does not fit the model" in answer.json()["message"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"inputs": {"a": [1], "b": [1, 2]}}, "must all have the same number of values"),
        ({"instances": [{"a": 1, "b": 1}, {"a": 1}]}, "Row 1 lacks 'b'"),
        ({"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2, 3]]}}, "Row 0 of 'data' has 3 values"),
    ],
)
async def test_columns_of_different_lengths(document, told, tmp_path):
    folder = with_columns(tmp_path, ColSpec("double", "a"), ColSpec("double", "b"))
    assert told in await refusal(folder, document)


async def test_datetimes_that_cannot_share_a_column(tmp_path):
    folder = with_columns(tmp_path, ColSpec("datetime", "a"), ColSpec("datetime", "b"))
    rows = [{"a": "2024-01-31T12:00:00", "b": f"2024-01-31T12:00:00{zone}"} for zone in ("", "Z")]
    told = await refusal(folder, {"dataframe_records": rows})
    assert "'b'" in told
    assert "without a time zone" in told


@pytest.mark.parametrize(
    ("values", "told"), [(["x"], "[0] must be a double"), ([[1.0], ["x"]], "[1][0] must be a double")]
)
async def test_the_position_in_a_column_of_lists(values, told, tmp_path):
    from mlflow.types.schema import Array, DataType

    folder = with_columns(tmp_path, ColSpec(Array(DataType.double), "v"))
    assert told in await refusal(folder, {"inputs": {"v": values}})


@pytest.mark.parametrize("shape", [[[1]], [[[1, 2]]]])
async def test_rows_of_different_shapes(shape, tmp_path):
    folder = with_columns(tmp_path, TensorSpec(np.dtype("float32"), (-1, 2), "t"))
    told = await refusal(folder, {"instances": [{"t": [1, 2]}, {"t": shape}]})
    assert told == "Input 't' has rows of different shapes; the model takes float32[-1, 2]."


async def test_many_missing_columns_are_listed_up_to_twenty(tmp_path):
    folder = with_columns(tmp_path, *(ColSpec("double", f"c{at}") for at in range(30)))
    told = await refusal(folder, {"dataframe_records": [{"c0": 1}]})
    assert "'c1', 'c2'" in told
    assert "'c20' and 9 more" in told
    assert "'c21'" not in told


async def test_columns_without_names_are_counted(tmp_path):
    folder = with_columns(tmp_path, ColSpec("double"), ColSpec("long"))
    assert "takes 2 columns, the request has 1" in await refusal(folder, {"dataframe_split": {"data": [[1]]}})
    assert "Column 1 holds a value in row 0" in await refusal(
        folder, {"dataframe_split": {"data": [[1, SECRET]]}}
    )


def numbered(folder: Path) -> Path:
    return saved(folder, Summing(), signature=infer_signature(pd.DataFrame([[1.0, 2.0, 3.0]])))


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_records": [{"2": 3.0, "0": 1.0, "1": 2.0}]},
        {"inputs": [{"0": 1.0, "1": 2.0, "2": 3.0}]},
        {"inputs": {"0": [1.0], "1": [2.0], "2": [3.0]}},
        {"instances": [{"0": 1.0, "1": 2.0, "2": 3.0}]},
        {"dataframe_split": {"columns": [2, 1, 0], "data": [[3.0, 2.0, 1.0]]}},
        {"dataframe_split": {"columns": ["2", "1", "0"], "data": [[3.0, 2.0, 1.0]]}},
    ],
)
async def test_columns_named_by_numbers_are_found_under_text_keys(document, tmp_path):
    async with serving(numbered(tmp_path)) as client:
        answer = await client.post("/invocations", json=document)
    assert answer.json() == {"predictions": [321.0]}


async def test_columns_named_by_numbers_are_found_by_every_protocol(tmp_path):
    async with serving(numbered(tmp_path)) as client:
        csv = await client.post(
            "/invocations", content=b"1,0,2\n2,1,3\n", headers={"content-type": "text/csv"}
        )
        tensors = [
            {"name": str(at), "datatype": "FP64", "shape": [1], "data": [at + 1.0]} for at in (2, 0, 1)
        ]
        infer = await client.post("/v2/models/m/infer", json={"inputs": tensors})
        document = (await client.get("/openapi.json")).json()
    assert csv.json() == {"predictions": [321.0]}
    assert infer.json()["outputs"][0]["data"] == [321.0]
    schema = document["paths"]["/invocations"]["post"]["requestBody"]["content"][JSON]["schema"]
    assert schema["oneOf"][1]["properties"]["dataframe_records"]["items"]["required"] == ["0", "1", "2"]


async def test_a_column_named_by_a_number_is_called_by_it(tmp_path):
    told = await refusal(numbered(tmp_path), {"dataframe_records": [{"1": 1.0}]})
    assert told == "The input lacks '0', '2'"
