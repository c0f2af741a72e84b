"""What `mlflow models serve` serves, Davit serves with the same answers: every flavor, every form."""

import http.client
import json
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from support.models.flavors import MAIN_THREAD_ONLY, SAMPLES, Body, Sample
from support.models.saved import model_path
from support.servers.in_process import serving
from support.servers.mlflow_scoring import mlflow_serving
from support.servers.processes import free_port, started, wait_until_ready

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries warn about inputs that are wrong on purpose


TESTS = str(Path(__file__).parents[2])
FAST = {
    "two_outputs_chances",
    "one_score",
    "without_signature",
    "xgboost_numbers",
    "returns_object",
    "returns_number_typed",
    "returns_records",
    "from_code",
    "chat",
    "every_type",
    "nested_types",
    "with_params",
}
"""What runs with the fast tests: a few seconds of all that."""


def samples() -> list:
    return [
        pytest.param(entry, id=name, marks=[] if name in FAST else [pytest.mark.stack])
        for name, entry in SAMPLES.items()
    ]


async def answers(client: httpx.AsyncClient, bodies: list[Body]) -> list[httpx.Response]:
    return [
        await client.post("/invocations", content=body, headers={"content-type": kind})
        for kind, body in bodies
    ]


def difference(body: Body, theirs: httpx.Response, ours: httpx.Response) -> str:
    """What is wrong with our answer; empty when nothing is.

    What MLflow refuses need not be refused with its status, and where it fails to write its answer a
    sentence may be better; an answer to neither is wrong.
    """
    kind, content = body
    asked = f"{kind} {content.decode()[:120]}"
    if theirs.status_code == 200 and (ours.status_code, ours.content) != (200, theirs.content):
        return f"{asked}: {ours.status_code} {ours.text[:200]}, not {theirs.text[:200]}"
    if theirs.status_code != 200 and ours.status_code < 400:
        return f"{asked}: {ours.status_code} {ours.text[:200]}, where MLflow says {theirs.status_code} {theirs.text[:200]}"
    return ""


@pytest.mark.parametrize("sample", samples())
async def test_davit_serves_what_mlflow_serves_with_the_same_answers(sample: Sample):
    async with mlflow_serving(model_path(sample.name)) as mlflow:
        theirs = await answers(mlflow, sample.bodies)
    # Of what a model may return, some cannot be written as JSON; every other sample must show something.
    assert sample.name.startswith("returns_") or 200 in {answer.status_code for answer in theirs}
    async with serving(sample.name) as davit:
        ours = await answers(davit, sample.bodies)
    compared = zip(sample.bodies, theirs, ours, strict=True)
    assert [text for each in compared if (text := difference(*each))] == []


@pytest.mark.stack
@pytest.mark.parametrize("name", [load.__name__ for load in MAIN_THREAD_ONLY])
def test_a_model_that_loads_in_the_main_thread_only_is_served_by_the_real_process(name):
    port = free_port()
    body = json.dumps({"dataframe_records": [{"x": 1.5}]})
    with started(str(model_path(name)), "--port", str(port), PYTHONPATH=TESTS) as process:
        wait_until_ready(port, process)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("POST", "/invocations", body, {"content-type": "application/json"})
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())) == (200, {"predictions": [3.0]})
