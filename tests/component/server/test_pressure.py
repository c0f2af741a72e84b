"""Limits, deadlines and readiness: what happens when a server is asked for too much."""

import asyncio
import json

import httpx
import pytest
from davit_server.process.app import create_app
from support.models.saved import IRIS_COLUMNS
from support.servers.in_process import running, server_settings, serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

JSON = {"content-type": "application/json"}
ROW = {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}}


def sleep_for(seconds: float) -> dict:
    return {"dataframe_split": {"columns": ["seconds"], "data": [[seconds]]}}


async def test_while_loading_liveness_is_ok_and_predictions_get_503():
    app = create_app(server_settings("iris"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://server") as client:
        live = await client.get("/v2/health/live")
        ready = await client.get("/v2/health/ready")
        ping = await client.get("/ping")
        predicted = await client.post("/invocations", json=ROW)
        described = await client.get("/v2/models/m")
    assert (live.status_code, ready.status_code, ping.status_code) == (200, 503, 503)
    assert predicted.status_code == described.status_code == 503
    assert int(predicted.headers["retry-after"]) > 0
    assert predicted.json()["error_code"] == "TEMPORARILY_UNAVAILABLE"


async def test_while_draining_readiness_fails_and_predictions_are_answered():
    app = create_app(server_settings("iris"))
    async with running(app) as client:
        before = await client.post("/invocations", json=ROW)
        assert app.lifecycle.drain()
        after = await client.post("/invocations", json=ROW)
        ready = await client.get("/v2/health/ready")
    assert "connection" not in before.headers
    assert after.json() == {"predictions": [0]}
    assert after.headers["connection"] == "close"
    assert ready.status_code == 503
    assert ready.headers["connection"] == "close"


async def test_a_content_length_beyond_the_limit_is_rejected_without_reading():
    read = []

    async def body():
        read.append(1)
        yield b"x"

    async with serving("iris", max_body_bytes=2048) as client:
        answer = await client.post("/invocations", content=body(), headers=JSON | {"content-length": "4096"})
    assert answer.status_code == 413
    assert read == []
    assert "2048" in answer.json()["message"]


async def test_a_chunked_body_is_rejected_as_soon_as_it_exceeds_the_limit():
    pieces = 0

    async def body():
        nonlocal pieces
        for _ in range(100):
            pieces += 1
            yield b"x" * 1024

    async with serving("iris", max_body_bytes=4096) as client:
        answer = await client.post("/invocations", content=body(), headers=JSON)
    assert answer.status_code == 413
    assert pieces < 100


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"inputs":' + b"[" * 100 + b"1" + b"]" * 100 + b"}",
        b'{"a":' * 200 + b"1" + b"}" * 200,
    ],
)
async def test_deep_nesting_is_refused(body):
    async with serving("iris") as client:
        answer = await client.post("/invocations", content=body, headers=JSON)
    assert answer.status_code == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"


async def test_a_wide_flat_body_is_accepted():
    document = {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]] * 5000}}
    async with serving("iris") as client:
        answer = await client.post("/invocations", json=document)
    assert len(answer.json()["predictions"]) == 5000


async def test_more_rows_than_allowed_are_refused():
    many = json.loads(json.dumps(ROW))
    many["dataframe_split"]["data"] *= 11
    async with serving("iris", max_rows=10) as client:
        answer = await client.post("/invocations", json=many)
        csv = "\n".join([",".join(IRIS_COLUMNS), *["5.1,3.5,1.4,0.2"] * 11])
        table = await client.post("/invocations", content=csv, headers={"content-type": "text/csv"})
    assert answer.status_code == table.status_code == 413
    assert "10" in answer.json()["message"]


async def test_a_hung_prediction_fails_only_its_own_request():
    async with serving("sleepy", request_timeout_seconds=2) as client:
        hung = asyncio.create_task(client.post("/invocations", json=sleep_for(20)))
        await asyncio.sleep(0)
        live = await client.get("/v2/health/live")
        late = await hung
        fast = await client.post("/invocations", json=sleep_for(0))
        scrape = (await client.get("/metrics")).text
    assert live.status_code == 200
    assert late.status_code == 504
    assert late.json()["error_code"] == "DEADLINE_EXCEEDED"
    assert fast.status_code == 200, "a fresh thread goes on"
    assert 'davit_predictions_abandoned_total{model="m",version="7"} 1.0' in scrape


async def test_too_many_hung_predictions_end_liveness():
    async with serving("sleepy", request_timeout_seconds=0.1, batching="off") as client:
        for _ in range(4):
            assert (await client.post("/invocations", json=sleep_for(20))).status_code == 504
        live = await client.get("/v2/health/live")
    assert live.status_code == 503


async def test_requests_beyond_the_queue_limit_are_rejected_immediately():
    async with serving("sleepy", max_queue=2, batching="off") as client:
        sent = [asyncio.create_task(client.post("/invocations", json=sleep_for(0.2))) for _ in range(6)]
        answers = await asyncio.gather(*sent)
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[:2] == [200, 200]
    assert statuses[-3:] == [429, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["retry-after"] == "1"


async def test_an_endless_body_times_out():
    async def body():
        yield b'{"dataframe_split":'
        await asyncio.Event().wait()

    async with serving("iris", request_timeout_seconds=0.2) as client:
        app = client._transport.app
        received = body()

        async def receive():
            return {"type": "http.request", "body": await anext(received), "more_body": True}

        sent = []

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/invocations",
            "headers": [(b"content-type", b"application/json")],
        }
        await app(scope, receive, send)
    assert sent[0]["status"] == 408
