"""The Open Inference Protocol v2: tensors in, tensors out, as JSON and as raw bytes."""

import json
import struct

import numpy as np
import pytest
from support.models.saved import IRIS_COLUMNS, fitted_iris
from support.servers.in_process import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

PATH = "/v2/models/m/infer"


def tensor(name: str, datatype: str, data: list, shape: list[int] | None = None) -> dict:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": data}


async def outputs(client, *inputs: dict, **more: object) -> dict[str, dict]:
    answer = await client.post(PATH, json={"inputs": list(inputs), **more})
    assert answer.status_code == 200, answer.text
    return {output["name"]: output for output in answer.json()["outputs"]}


async def test_one_matrix_fills_all_columns():
    data, estimator = fitted_iris()
    flat = data.head(5).to_numpy().ravel().tolist()
    async with serving("iris_proba") as client:
        answer = await outputs(client, tensor("x", "FP64", flat, [5, 4]))
    assert answer["predictions"]["datatype"] == "FP64"
    assert answer["predictions"]["shape"] == [5, 3]
    found = np.array(answer["predictions"]["data"]).reshape(5, 3)
    assert np.array_equal(found, estimator.predict_proba(data.head(5)))


async def test_nested_data_is_read_row_by_row():
    async with serving("iris") as client:
        nested = {
            "name": "x",
            "datatype": "FP32",
            "shape": [2, 4],
            "data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3, 5.2, 2.3]],
        }
        answer = await outputs(client, nested)
    assert answer["predictions"] == {"name": "predictions", "datatype": "INT64", "shape": [2], "data": [0, 2]}


async def test_named_inputs_are_mapped_to_columns_in_any_order():
    values = dict(zip(IRIS_COLUMNS, (5.1, 3.5, 1.4, 0.2), strict=True))
    inputs = [tensor(name, "FP64", [value], [1, 1]) for name, value in reversed(values.items())]
    async with serving("iris") as client:
        answer = await outputs(client, *inputs)
    assert answer["predictions"]["data"] == [0]


async def test_mixed_columns_come_back_with_their_own_types():
    inputs = [
        tensor("i", "INT64", [1, 2]),
        tensor("f", "FP64", [1.5, 2.5]),
        tensor("s", "BYTES", ["a", "ü"]),
        tensor("b", "BOOL", [True, False]),
        tensor("d", "BYTES", ["2024-01-01T00:00:00", "2024-01-02T03:04:05"]),
    ]
    async with serving("mixed") as client:
        answer = await outputs(client, *inputs)
    assert {name: output["datatype"] for name, output in answer.items()} == {
        "i": "INT64", "f": "FP64", "s": "BYTES", "b": "BOOL", "d": "BYTES",
    }  # fmt: skip
    assert answer["i"]["data"] == [1, 2]
    assert answer["s"]["data"] == ["a", "ü"]
    assert answer["b"]["data"] == [True, False]
    assert answer["d"]["data"][1] == "2024-01-02 03:04:05"


@pytest.mark.parametrize(
    "datatype",
    [
        "BOOL",
        "UINT8",
        "UINT16",
        "UINT32",
        "UINT64",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "FP16",
        "FP32",
        "FP64",
        "BYTES",
    ],
)
async def test_every_datatype_survives_a_round_trip(datatype):
    data = {"BOOL": [True, False], "BYTES": ["x", "yz"]}.get(datatype, [1, 2])
    async with serving("echo") as client:
        answer = await outputs(client, tensor("a", datatype, data))
    assert answer["a"] == tensor("a", datatype, data)


async def test_type_hint_models_take_one_tensor_of_strings():
    async with serving("typehint") as client:
        answer = await outputs(client, tensor("texts", "BYTES", ["a", "bcd"]))
    assert answer["predictions"] == {"name": "predictions", "datatype": "INT64", "shape": [2], "data": [1, 3]}


async def test_tensor_models_take_their_tensor():
    async with serving("tensor") as client:
        answer = await outputs(client, tensor("anything", "FP64", [5.1, 3.5, 1.4, 0.2], [1, 4]))
    assert answer["predictions"]["data"] == [0]


async def test_declared_parameters_reach_the_model():
    async with serving("params") as client:
        answer = await outputs(
            client, tensor("x", "FP64", [2.0]), parameters={"mode": "add", "scale": 3.0, "other": 1}
        )
    assert answer["predictions"]["data"] == [5.0]


async def test_the_request_id_and_requested_outputs_are_respected():
    async with serving("frame") as client:
        answer = await client.post(
            "/v2/models/m/versions/7/infer",
            json={"id": "q1", "inputs": [tensor("x", "FP64", [1.0])], "outputs": [{"name": "name"}]},
        )
    body = answer.json()
    assert (body["id"], body["model_name"], body["model_version"]) == ("q1", "m", "7")
    assert [output["name"] for output in body["outputs"]] == ["name"]


async def test_binary_tensors_work_in_both_directions():
    numbers = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]])
    head = json.dumps(
        {
            "inputs": [
                {"name": "x", "datatype": "FP64", "shape": [2, 4], "parameters": {"binary_data_size": 64}}
            ],
            "parameters": {"binary_data_output": True},
        }
    ).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    async with serving("iris") as client:
        answer = await client.post(PATH, content=head + numbers.tobytes(), headers=headers)
    size = int(answer.headers["inference-header-content-length"])
    told = json.loads(answer.content[:size])["outputs"][0]
    assert told == {
        "name": "predictions", "datatype": "INT64", "shape": [2], "parameters": {"binary_data_size": 16},
    }  # fmt: skip
    assert struct.unpack("<2q", answer.content[size:]) == (0, 2)


async def test_raw_strings_are_length_prefixed():
    raw = b"".join(struct.pack("<I", len(text)) + text for text in (b"a", b"bcd"))
    head = json.dumps(
        {
            "inputs": [
                {"name": "t", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": len(raw)}}
            ]
        }
    ).encode()
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": str(len(head))}
    async with serving("typehint") as client:
        answer = await client.post(PATH, content=head + raw, headers=headers)
    assert answer.json()["outputs"][0]["data"] == [1, 3]


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        ["x"],
        [{"name": "x"}],
        [tensor("x", "FP64", [1.0], [2])],
        [tensor("x", "FP99", [1.0])],
        [tensor("x", "FP64", ["1.0"])],
        [tensor("x", "INT8", [1000])],
        [tensor("x", "FP64", [1.0] * 3, [1, 3])],
        [tensor("x", "FP64", [1.0]), tensor("x", "FP64", [1.0])],
        [tensor("sepal length (cm)", "FP64", [1.0])],
        [tensor("x", "FP64", [1.0] * 4, [-1, 4])],
        [{**tensor("x", "FP64", [1.0] * 4, [1, 4]), "parameters": {"binary_data_size": 32}}],
        [tensor("x", "FP64", [1.0], [1] * 80)],
    ],
)
async def test_tensors_that_do_not_match_are_rejected(inputs):
    async with serving("iris") as client:
        answer = await client.post(PATH, json={"inputs": inputs})
    assert answer.status_code == 400
    assert answer.json()["error"] == answer.json()["message"]


async def test_another_model_name_is_not_found():
    async with serving("iris") as client:
        answer = await client.post(
            "/v2/models/other/infer", json={"inputs": [tensor("x", "FP64", [1.0] * 4, [1, 4])]}
        )
    assert answer.status_code == 404


async def test_inference_requests_are_counted_as_predictions():
    async with serving("iris") as client:
        await outputs(client, tensor("x", "FP64", [5.1, 3.5, 1.4, 0.2], [1, 4]))
        text = (await client.get("/metrics")).text
    assert 'davit_requests_total{model="m",outcome="ok",version="7"} 1.0' in text
