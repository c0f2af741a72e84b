"""Where the protocols leave room, or MLflow changes values silently: what was decided, beside MLflow's answer."""

import http.client
import json
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from support.models.saved import (
    ColSpec,
    ModelSignature,
    Schema,
    TensorSpec,
    mlflow,
    model_path,
    save_python,
    save_sklearn,
)
from support.servers.in_process import serving
from support.servers.mlflow_scoring import mlflow_serving
from support.servers.processes import free_port, started, wait_until_ready

pytestmark = pytest.mark.filterwarnings("ignore")

JSON = {"content-type": "application/json"}
ROW = [5.1, 3.5, 1.4, 0.2]
HEALTH = ("/ping", "/health", "/v2/health/live", "/v2/health/ready", "/metrics")
PAGES = ("/version", "/v2", "/v2/models/m", "/v2/models/m/ready", "/docs", "/openapi.json")


class Echo(mlflow.pyfunc.PythonModel):
    """Returns the values of its columns as they came, or what it was asked in the form of chat clients."""

    def predict(self, context, model_input, params=None):
        if isinstance(model_input, pd.DataFrame):
            return {name: model_input[name].tolist() for name in model_input.columns}
        return model_input


def echo(folder: Path, **kinds: str) -> Path:
    path = folder / "model"
    columns = [ColSpec(kind, name) for name, kind in kinds.items()]
    save_python(path, Echo(), signature=ModelSignature(Schema(columns)) if columns else None)
    return path


async def post(client: httpx.AsyncClient, body: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post("/invocations", content=content, headers=JSON)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_nan_and_infinity_are_read_and_written_as_by_mlflow(number, tmp_path):
    body = b'{"dataframe_split": {"columns": ["x"], "data": [[%b]]}}' % number.encode()
    folder = echo(tmp_path, x="double")
    async with serving(folder) as ours, mlflow_serving(folder) as theirs:
        answers = [(await post(client, body)).content for client in (ours, theirs)]
    assert answers[0] == answers[1]
    assert b"NaN" in answers[0] or b"Infinity" in answers[0]


async def test_the_infer_route_writes_strict_json(tmp_path):
    def tensor(name: str, value: float) -> dict:
        return {"name": name, "datatype": "FP64", "shape": [1], "data": [value]}

    async with serving(echo(tmp_path, x="double")) as client:
        nan, infinite = [
            await client.post(
                "/v2/models/m/infer", content=json.dumps({"inputs": [tensor("x", value)]}), headers=JSON
            )
            for value in (float("nan"), float("inf"))
        ]
    assert nan.json()["outputs"][0] == {"name": "x", "datatype": "FP64", "shape": [1], "data": [None]}
    assert infinite.status_code == 500
    assert "binary" in infinite.json()["message"]


async def test_a_chat_that_asks_for_a_stream_gets_the_whole_answer_as_from_mlflow(tmp_path):
    chat = {"messages": [{"role": "user", "content": "hello"}], "stream": True}
    folder = echo(tmp_path)
    async with serving(folder) as ours, mlflow_serving(folder) as theirs:
        answers = [await post(client, chat) for client in (ours, theirs)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json() == chat


@pytest.mark.parametrize("path", ["/invocations/", "/v2/models/m/infer/"])
async def test_a_trailing_slash_is_served_and_not_redirected(path):
    inputs = [{"name": "x", "datatype": "FP64", "shape": [1, 4], "data": ROW}]
    document = {"inputs": inputs} if "infer" in path else {"dataframe_split": {"data": [ROW]}}
    async with serving("nosig") as client:
        answer = await client.post(path, json=document, follow_redirects=False)
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/", "/nowhere/", "/docs/", "/ping//", "/"])
async def test_no_path_is_redirected_anywhere(path):
    async with serving("iris") as client:
        answer = await client.get(f"http://server{path}", follow_redirects=False)
    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("form", ["dataframe_records", "dataframe_split", "inputs", "instances", "columns"])
async def test_null_is_rejected_as_a_boolean(form, tmp_path):
    rows: Any = [{"x": 1.0, "b": True}, {"x": 1.0, "b": None}]
    document = {
        "dataframe_split": {"dataframe_split": {"columns": ["x", "b"], "data": [[1, True], [1, None]]}},
        "columns": {"inputs": {"x": [1.0, 1.0], "b": [True, None]}},
    }.get(form, {form: rows})
    async with serving(echo(tmp_path, x="double", b="boolean")) as client:
        refused = await post(client, document)
        served = await post(client, json.loads(json.dumps(document).replace("null", "false")))
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("Column 'b' has no value in row 1;")
    assert served.json() == {"predictions": {"x": [1.0, 1.0], "b": [True, False]}}


@pytest.mark.parametrize(
    "document", [{"inputs": {"t": [[True], [None]]}}, {"instances": [{"t": [True]}, {"t": [None]}]}]
)
async def test_null_is_rejected_as_a_boolean_in_tensors(document, tmp_path):
    path = tmp_path / "model"
    spec = TensorSpec(np.dtype("bool"), (-1, 1), "t")
    save_python(path, Echo(), signature=ModelSignature(Schema([spec])))
    async with serving(path) as client:
        answer = await post(client, document)
    assert answer.json()["message"] == "Input 't' holds null; booleans must be true or false."


BEYOND = {
    "long": [2**63, -(2**63) - 1, 2**64, 1e300],
    "integer": [2**31, -(2**31) - 1, 2**40, 3e9],
}
WITHIN = {"long": [2**63 - 1, -(2**63)], "integer": [2**31 - 1, -(2**31)]}


@pytest.mark.parametrize("form", ["dataframe_records", "inputs", "instances", "columns", "csv"])
@pytest.mark.parametrize("kind", BEYOND)
async def test_integers_never_overflow(form, kind, tmp_path):
    def request(number: float) -> tuple[bytes, dict]:
        if form == "csv":
            return b"x\n%s\n" % str(number).encode(), {"content-type": "text/csv"}
        rows = {"inputs": {"x": [number]}} if form == "columns" else {form: [{"x": number}]}
        return json.dumps(rows).encode(), JSON

    async with serving(echo(tmp_path, x=kind)) as client:
        for number in BEYOND[kind]:
            content, headers = request(number)
            answer = await client.post("/invocations", content=content, headers=headers)
            assert answer.status_code == 400, f"{number}: {answer.text}"
            assert "'x'" in answer.json()["message"]
        for number in WITHIN[kind]:
            content, headers = request(number)
            answer = await client.post("/invocations", content=content, headers=headers)
            assert answer.json() == {"predictions": {"x": [number]}}


@pytest.mark.parametrize("kind", BEYOND)
async def test_integers_never_overflow_without_a_data_frame(kind, tmp_path):
    frame = pd.DataFrame({"x": np.arange(8, dtype=f"int{64 if kind == 'long' else 32}")})
    path = tmp_path / "model"
    signature = ModelSignature(Schema([ColSpec(kind, "x")]), Schema([ColSpec("double")]))
    model = LinearRegression().fit(frame, frame["x"] * 2.0)
    save_sklearn(path, model, signature=signature, input_example=frame.head(3))
    async with serving(path) as client:
        assert (await post(client, {"dataframe_records": [{"x": 4}]})).json()["predictions"] == [
            pytest.approx(8.0)
        ]
        for number in BEYOND[kind]:
            answer = await post(client, {"dataframe_records": [{"x": number}]})
            assert answer.status_code == 400, f"{number}: {answer.text}"


async def test_integers_never_overflow_in_tensors(tmp_path):
    path = tmp_path / "model"
    signature = ModelSignature(Schema([TensorSpec(np.dtype("int32"), (-1, 1))]))
    rows = np.array([[0], [1], [5]], dtype="int32")
    model = LinearRegression().fit(rows, [0.0, 2.0, 10.0])
    save_sklearn(path, model, signature=signature, input_example=rows)
    async with serving(path) as client:
        answers = [await post(client, {"inputs": [[number]]}) for number in (4, 2**31, 3e9)]
    assert answers[0].json()["predictions"] == [pytest.approx(8.0)]
    assert [answer.status_code for answer in answers[1:]] == [400, 400]


@pytest.mark.parametrize("path", [*HEALTH, *PAGES])
async def test_head_is_answered_wherever_get_is(path):
    async with serving("iris") as client:
        get, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


async def test_options_lists_the_methods_and_allows_no_cors():
    async with serving("iris") as client:
        answer = await client.options(
            "/invocations", headers={"origin": "http://a.example", "access-control-request-method": "POST"}
        )
    assert answer.status_code == 405
    assert "POST" in answer.headers["allow"]
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_the_last_of_duplicate_keys_wins_as_in_mlflow(tmp_path):
    body = b'{"dataframe_records": [{"x": 1, "x": 2}], "dataframe_records": [{"x": 3, "x": 4}]}'
    folder = echo(tmp_path, x="double")
    async with serving(folder) as ours, mlflow_serving(folder) as theirs:
        answers = [(await post(client, body)).json() for client in (ours, theirs)]
    assert answers[0] == answers[1] == {"predictions": {"x": [4.0]}}


def test_a_real_socket_gets_100_continue_and_no_body_for_head():
    body = json.dumps({"dataframe_split": {"data": [ROW]}}).encode()
    head = (
        b"POST /invocations HTTP/1.1\r\nHost: s\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
    )
    port = free_port()
    with started(str(model_path("nosig")), "--port", str(port)) as process:
        wait_until_ready(port, process)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
            connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
            assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")
            connection.sendall(body)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            for path in (*HEALTH, "/docs"):
                connection.request("HEAD", path)
                answer = connection.getresponse()
                assert (answer.status, answer.read()) == (200, b""), path
