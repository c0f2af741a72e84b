"""A model that raises is not bad input: its own outcome, one line for its author, nothing of the request."""

import asyncio
import logging
from pathlib import Path

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, REQUEST_LIMIT_EXCEEDED
from support.models.saved import ColSpec, ModelSignature, Schema, mlflow, save_python
from support.servers.in_process import serving
from support.servers.mlflow_scoring import mlflow_serving

pytestmark = pytest.mark.filterwarnings("ignore")

SECRET = "s3cr3t"


class Uncountable(Exception):
    """An exception whose text cannot be made."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


FAILURES = {
    "value": lambda: ValueError(f"no {SECRET} here"),
    "memory of its own": Uncountable,
    "exit": lambda: SystemExit(f"no {SECRET}"),
    "interrupt": lambda: KeyboardInterrupt(SECRET),
    "cancelled": lambda: asyncio.CancelledError(SECRET),
    "generator": lambda: GeneratorExit(SECRET),
    "refused": lambda: MlflowException(f"the {SECRET} table is being rebuilt"),
    "refused input": lambda: MlflowException(SECRET, error_code=INVALID_PARAMETER_VALUE),
    "refused for now": lambda: MlflowException(SECRET, error_code=REQUEST_LIMIT_EXCEEDED),
    "schema of another": lambda: MlflowException(f"Failed to enforce schema of {SECRET}"),
}


class RaisingModel(mlflow.pyfunc.PythonModel):
    """Raises what the text in its one column names; answers all other texts."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        for text in model_input["x"]:
            if text in FAILURES:
                failure = FAILURES[text]()
                raise failure
        return model_input["x"].tolist()


def raising_model(folder: Path) -> Path:
    path = folder / "model"
    save_python(path, RaisingModel(), signature=ModelSignature(Schema([ColSpec("string", "x")])))
    return path


def request(text: str) -> dict:
    return {"dataframe_records": [{"x": text}]}


def warnings_in(caplog) -> list[dict]:
    return [
        record.fields
        for record in caplog.records
        if record.levelno == logging.WARNING and record.name == "davit_server.api.prediction"
    ]


@pytest.mark.parametrize("failure", FAILURES)
async def test_a_raising_model_is_counted_and_reported_without_the_exceptions_text(failure, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    async with serving(raising_model(tmp_path)) as client:
        answer = await client.post("/invocations", json=request(failure), headers={"x-request-id": "ask-1"})
        again = await client.post("/invocations", json=request("fine"))
        scrape = (await client.get("/metrics")).text
    assert again.json() == {"predictions": ["fine"]}
    assert 'davit_requests_total{model="m",outcome="model_raised",version="7"} 1.0' in scrape
    assert 'davit_requests_total{model="m",outcome="invalid",version="7"} 0.0' in scrape
    raised = type(FAILURES[failure]())
    [line] = warnings_in(caplog)
    assert line["request_id"] == "ask-1"
    assert line["exception"] == raised.__name__
    assert line["at"].startswith(f"{__file__}:")
    assert "text" not in line
    assert SECRET not in answer.text + str([record.__dict__ for record in caplog.records])
    assert "signature" not in answer.json()["message"] or raised in {ValueError, Uncountable}


@pytest.mark.parametrize(
    "failure",
    [name for name, make in FAILURES.items() if isinstance(make(), Exception)],
)
async def test_a_raising_model_gets_the_status_and_code_of_mlflows_server(failure, tmp_path):
    folder = raising_model(tmp_path)
    async with serving(folder) as ours, mlflow_serving(folder) as theirs:
        answers = [await client.post("/invocations", json=request(failure)) for client in (ours, theirs)]
    assert answers[0].status_code == answers[1].status_code
    assert answers[0].json()["error_code"] == answers[1].json()["error_code"]


async def test_the_exceptions_text_is_logged_at_debug(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    async with serving(raising_model(tmp_path)) as client:
        for failure in ("value", "refused", "exit", "memory of its own"):
            await client.post("/invocations", json=request(failure), headers={"x-request-id": failure[:5]})
    told = {line["request_id"]: line["text"] for line in warnings_in(caplog)}
    assert told["value"] == f"no {SECRET} here"
    assert SECRET in told["refus"]
    assert SECRET in told["exit"]
    assert "RuntimeError" in told["memor"]


async def test_requests_beside_one_that_exits_are_answered(tmp_path):
    async with serving(raising_model(tmp_path), request_timeout_seconds=30) as client:
        texts = ["exit" if at % 4 == 0 else f"t{at}" for at in range(16)]
        answers = await asyncio.gather(*(client.post("/invocations", json=request(text)) for text in texts))
    assert [answer.status_code for answer in answers] == [500 if text == "exit" else 200 for text in texts]


async def test_the_infer_route_reports_a_raising_model_alike(tmp_path, caplog):
    async with serving(raising_model(tmp_path)) as client:
        tensor = {"name": "x", "datatype": "BYTES", "shape": [1], "data": ["value"]}
        answer = await client.post("/v2/models/m/infer", json={"inputs": [tensor]})
        scrape = (await client.get("/metrics")).text
    assert answer.status_code == 400
    assert "ValueError" in answer.json()["message"]
    assert 'outcome="model_raised",version="7"} 1.0' in scrape
    assert len(warnings_in(caplog)) == 1


async def test_an_input_that_mlflow_rejects_is_a_client_error(tmp_path, caplog):
    async with serving(raising_model(tmp_path)) as client:
        answer = await client.post("/invocations", json={"dataframe_records": [{"y": "value"}]})
        scrape = (await client.get("/metrics")).text
    assert answer.status_code == 400
    assert 'outcome="invalid",version="7"} 1.0' in scrape
    assert warnings_in(caplog) == []


class NestedModel(mlflow.pyfunc.PythonModel):
    """Asks another model of MLflow's, with what that one refuses."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        inner = mlflow.pyfunc.load_model(model_input["path"].iloc[0])
        return inner.predict(pd.DataFrame({"wrong": [1.0]}))


async def test_an_input_rejected_by_an_inner_model_is_an_error_of_the_outer_one(tmp_path):
    inner = raising_model(tmp_path)
    outer = tmp_path / "outer"
    save_python(outer, NestedModel(), signature=ModelSignature(Schema([ColSpec("string", "path")])))
    async with serving(outer) as client:
        answer = await client.post("/invocations", json={"dataframe_records": [{"path": str(inner)}]})
        scrape = (await client.get("/metrics")).text
    assert 'outcome="model_raised",version="7"} 1.0' in scrape
    assert "INVALID_PARAMETER_VALUE" in answer.json()["message"]


async def test_an_exception_in_a_library_is_located_there(caplog):
    row = dict.fromkeys(
        ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"], None
    )
    async with serving("iris") as client:
        answer = await client.post("/invocations", json={"dataframe_records": [row]})
    assert answer.status_code == 400
    [line] = warnings_in(caplog)
    assert line["exception"] == "ValueError"
    assert "sklearn" in line["at"]


class Unsendable(mlflow.pyfunc.PythonModel):
    """Returns what JSON has no form for."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return [{1j}]


async def test_a_response_that_cannot_be_serialized_is_logged_with_the_request_id(tmp_path, caplog):
    path = tmp_path / "model"
    save_python(path, Unsendable(), signature=ModelSignature(Schema([ColSpec("double", "x")])))
    async with serving(path) as client:
        answer = await client.post(
            "/invocations", json={"dataframe_records": [{"x": 1}]}, headers={"x-request-id": "ask-2"}
        )
    assert answer.status_code == 500
    assert "holds a set" in answer.json()["message"]
    [line] = warnings_in(caplog)
    assert (line["request_id"], line["reason"]) == ("ask-2", answer.json()["message"])
