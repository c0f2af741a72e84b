"""Requests that do not share a call run side by side, and no way of ending one holds up the others."""

import asyncio
import time

import httpx
import pytest
from support.models.waiting import ENDS, KEEPING, READING, WAITING
from support.servers.in_process import serving

pytestmark = pytest.mark.filterwarnings("ignore")

WAIT_SECONDS = 0.5
AT_ONCE_SECONDS = 10
"""Far less than the deadline of a request, far more than an answer takes on a busy machine."""


FAST_ENDS = {"exit", "cancelled", "aborted"}
"""The others run with the slow tests."""


async def ask(client: httpx.AsyncClient, document: dict) -> httpx.Response:
    return await client.post("/invocations", json=document)


def rows(column: str, *values: object) -> dict:
    return {"dataframe_split": {"columns": [column], "data": [[value] for value in values]}}


@pytest.mark.parametrize("clients", [8, 80])
@pytest.mark.parametrize(
    ("model", "document"),
    [
        ("waiting", rows("seconds", WAIT_SECONDS)),
        pytest.param("waiting_by_hint", {"inputs": [WAIT_SECONDS]}, marks=pytest.mark.stack),
    ],
)
async def test_waiting_calls_take_less_than_half_of_their_sequential_time(model, document, clients):
    async with serving(model) as client:
        started = time.monotonic()
        answers = await asyncio.gather(*(ask(client, document) for _ in range(clients)))
        took = time.monotonic() - started
    assert [answer.status_code for answer in answers] == [200] * clients
    assert {answer.text for answer in answers} == {f'{{"predictions": [{WAIT_SECONDS}]}}'}
    assert took < clients * WAIT_SECONDS / 2


async def test_a_long_wait_does_not_block_a_short_request():
    async with serving("waiting") as client:
        long = asyncio.create_task(ask(client, rows("seconds", 4.0)))
        await asyncio.sleep(0)
        short = await asyncio.wait_for(ask(client, rows("seconds", 0.0)), AT_ONCE_SECONDS)
        assert (short.status_code, long.done()) == (200, False)
        assert (await long).status_code == 200


async def test_concurrency_1_means_one_call_at_a_time():
    KEEPING.forget()
    async with serving("one_at_a_time", concurrency=1) as client:
        answers = await asyncio.gather(*(ask(client, rows("x", float(n))) for n in range(40)))
    assert [answer.json() for answer in answers] == [{"predictions": [2.0 * n]} for n in range(40)]
    assert KEEPING.most == 1


async def test_concurrent_calls_never_exceed_the_limit():
    WAITING.forget()
    async with serving("waiting", concurrency=3) as client:
        answers = await asyncio.gather(*(ask(client, rows("seconds", 0.05)) for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert 2 <= WAITING.most <= 3


async def test_a_flavor_that_is_known_not_to_be_thread_safe_gets_one_call_at_a_time():
    READING.forget()
    async with serving("spacy_pipeline") as client:
        answers = await asyncio.gather(*(ask(client, rows("text", f"text {n}")) for n in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert READING.most == 1


def texts(model: str, *names: str) -> dict:
    return {"inputs": list(names)} if model == "leaving_by_itself" else rows("name", *names)


@pytest.mark.parametrize(
    "end",
    [pytest.param(end, marks=[] if end in FAST_ENDS else [pytest.mark.stack]) for end in ENDS],
)
@pytest.mark.parametrize(
    "model",
    ["ending", "ending_declared", pytest.param("leaving_by_itself", marks=pytest.mark.stack)],
)
async def test_a_call_that_raises_systemexit_or_cancels_fails_only_its_own_request(model, end):
    async with serving(model, request_timeout_seconds=30) as client:
        company = [f"n{at}" for at in range(8)]
        asked = [ask(client, texts(model, name)) for name in (*company[:4], end, *company[4:])]
        answers = await asyncio.wait_for(asyncio.gather(*asked), AT_ONCE_SECONDS)
        after = await asyncio.wait_for(ask(client, texts(model, "next", "one")), AT_ONCE_SECONDS)
        alive = await client.get("/v2/health/live")
    sender = answers.pop(4)
    assert sender.status_code in {400, 500}, sender.text
    assert "error_code" in sender.json()
    assert [answer.json() for answer in answers] == [{"predictions": [name.upper()]} for name in company]
    assert after.json() == {"predictions": ["NEXT", "ONE"]}
    assert alive.status_code == 200


async def test_requests_to_a_model_declared_row_wise_share_calls():
    async with serving("ending_declared") as client:
        plan = (await client.get("/v2/models/m")).json()["parameters"]
    assert plan["batching"] is True, plan["reasons"]


@pytest.mark.parametrize("batching", ["enabled", "Enabled"])
async def test_batching_is_declared_by_the_setting_too(batching):
    async with serving("ending", batching=batching) as client:
        plan = (await client.get("/v2/models/m")).json()["parameters"]
    assert plan["batching"] is True, plan["reasons"]
