"""Halves of UTF-16 pairs, which JSON can spell and UTF-8 cannot: text like any other, or a clear refusal."""

import json

import pytest
from support.servers.in_process import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

JSON = {"content-type": "application/json"}
LONE = "\ud800"
TENSOR = {"name": "x", "shape": [1], "datatype": "BYTES", "data": [LONE]}
NUMBERS = {"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}


def split(column: str, value: object) -> dict:
    return {"dataframe_split": {"columns": [column], "data": [[value]]}}


@pytest.mark.parametrize("model", ["iris", "mixed", "nosig", "tensor", "params", "typehint", "echo"])
@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/invocations", split("a", LONE)),
        ("/invocations", split(LONE, 1)),
        ("/invocations", {"dataframe_records": [{LONE: LONE}]}),
        ("/invocations", {"inputs": [LONE]}),
        ("/invocations", {"inputs": {LONE: [LONE]}}),
        ("/invocations", {"instances": [{"a": LONE}]}),
        ("/invocations", {LONE: [1]}),
        ("/invocations", {"inputs": [LONE], "params": {LONE: LONE}}),
        ("/v2/models/m/infer", {"inputs": [TENSOR]}),
        ("/v2/models/m/infer", {"inputs": [TENSOR | {"name": LONE}]}),
        ("/v2/models/m/infer", {"inputs": [TENSOR | {"datatype": LONE}]}),
        ("/v2/models/m/infer", {"inputs": [TENSOR], "parameters": {LONE: LONE}}),
        ("/v2/models/m/infer", {"inputs": [TENSOR], "outputs": [{"name": LONE}]}),
    ],
)
async def test_a_lone_surrogate_never_causes_a_server_error(model, path, document):
    async with serving(model) as client:
        answer = await client.post(path, content=json.dumps(document), headers=JSON)
    assert answer.status_code in {200, 400}, answer.text


async def test_the_request_id_is_returned_unchanged():
    async with serving("iris") as client:
        request = {"id": LONE, "inputs": [NUMBERS]}
        answer = await client.post("/v2/models/m/infer", content=json.dumps(request), headers=JSON)
    assert answer.status_code == 200
    assert answer.json()["id"] == LONE


async def test_requesting_an_output_twice_is_rejected():
    async with serving("iris") as client:
        request = {"inputs": [NUMBERS], "outputs": [{"name": "predictions"}] * 2}
        answer = await client.post("/v2/models/m/infer", json=request)
    assert answer.status_code == 400
    assert "same name" in answer.json()["message"]


async def test_a_content_length_with_too_many_digits_is_rejected():
    async with serving("iris") as client:
        headers = JSON | {"inference-header-content-length": "9" * 5000}
        answer = await client.post("/v2/models/m/infer", json={"inputs": [NUMBERS]}, headers=headers)
    assert answer.status_code == 400
    assert "number of bytes" in answer.json()["message"]
