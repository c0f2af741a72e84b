"""Recorded exchanges with MLflow's own scoring server, replayed against ours."""

import base64
import json
import math
from collections import defaultdict
from pathlib import Path

import httpx
import pytest
from support.servers.in_process import serving

pytestmark = pytest.mark.filterwarnings("ignore")  # libraries warn about inputs that are wrong on purpose

RECORDINGS = Path(__file__).parents[2] / "data" / "input" / "server" / "invocations.jsonl"
BETTER = {
    "content_type_missing": 415,
    "content_type_media_type_upper": 200,
    "content_type_upper": 200,
    "head_ping": 200,
    "trailing_slash": 200,
    "metrics": 200,
}
"""Where the server deliberately answers otherwise."""

TOLERANCE = {"iris_proba": 1e-3}
"""A refitted model: the solver stops at slightly different weights with another BLAS."""


def exchanges() -> dict[str, list[dict]]:
    by_model = defaultdict(list)
    for line in RECORDINGS.read_text(encoding="utf-8").splitlines():
        exchange = json.loads(line)
        by_model[exchange["model"]].append(exchange)
    return by_model


def body_of(exchange: dict) -> bytes:
    request = exchange["request"]
    if isinstance(request, dict):
        return base64.b64decode(request["base64"])
    return (request or "").encode()


def same(left: object, right: object, tolerance: float) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key], tolerance) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(
            same(*pair, tolerance) for pair in zip(left, right, strict=True)
        )
    if isinstance(left, float | int) and isinstance(right, float | int):
        return type(left) is type(right) and math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
    return left == right


async def replay(client: httpx.AsyncClient, exchange: dict) -> str:
    headers = {"content-type": exchange["content_type"]} if exchange["content_type"] else {}
    answer = await client.request(
        exchange["method"],
        exchange["path"],
        content=body_of(exchange),
        headers=headers,
        follow_redirects=False,
    )
    name = exchange["name"]
    if name in BETTER:
        return "" if answer.status_code == BETTER[name] else f"{name}: {answer.status_code}"
    if name.startswith("zero_rows") and answer.status_code == 200:
        return "" if answer.json() == {"predictions": []} else f"{name}: {answer.text}"
    if answer.status_code != exchange["status"]:
        return f"{name}: {answer.status_code} {answer.text}, not {exchange['status']}"
    return compare_bodies(exchange, answer)


def compare_bodies(exchange: dict, answer: httpx.Response) -> str:
    name = exchange["name"]
    if exchange["status"] == 200 and exchange["path"] == "/invocations":
        recorded = json.loads(exchange["response"])
        tolerance = TOLERANCE.get(exchange["model"], 1e-6)
        return "" if same(answer.json(), recorded, tolerance) else f"{name}: {answer.text}, not {recorded}"
    if exchange["status"] == 400:
        code = json.loads(exchange["response"])["error_code"]
        return "" if answer.json()["error_code"] == code else f"{name}: {answer.text}, not {code}"
    if exchange["status"] in {415, 500}:
        return "" if {"error_code", "message"} <= answer.json().keys() else f"{name}: {answer.text}"
    return ""


@pytest.mark.parametrize("model", sorted(exchanges()))
async def test_answers_agree_with_those_of_mlflow(model: str):
    async with serving(model) as client:
        wrong = [await replay(client, exchange) for exchange in exchanges()[model]]
    assert [text for text in wrong if text] == []


@pytest.mark.parametrize("model", sorted(exchanges()))
async def test_answers_agree_when_nothing_is_batched(model: str):
    async with serving(model, batching="off") as client:
        wrong = [await replay(client, exchange) for exchange in exchanges()[model]]
    assert [text for text in wrong if text] == []


async def test_no_answer_echoes_the_request_or_shows_a_trace():
    async with serving("iris") as client:
        for exchange in exchanges()["iris"]:
            await replay(client, exchange)
        answer = await client.post(
            "/invocations",
            content=b'{"dataframe_records": [{"sepal length (cm)": "s3cr3t-value"}]}',
            headers={"content-type": "application/json"},
        )
    assert answer.status_code == 400
    assert "s3cr3t" not in answer.text
    assert "Traceback" not in answer.text


async def test_a_missing_column_is_named():
    async with serving("iris") as client:
        answer = await client.post("/invocations", json={"dataframe_records": [{"sepal length (cm)": 5.1}]})
    assert answer.status_code == 400
    assert "'sepal width (cm)'" in answer.json()["message"]
    assert "'sepal length (cm)'" not in answer.json()["message"]
