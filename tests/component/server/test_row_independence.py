"""No answer depends on the requests that come at the same time, whatever the model does with its rows."""

import asyncio
import itertools
from collections.abc import Callable

import httpx
import pytest
from support.models.row_independence import ZOO, Entry
from support.models.saved import model_path
from support.servers.in_process import serving
from support.servers.mlflow_scoring import mlflow_serving

pytestmark = pytest.mark.filterwarnings("ignore")

CROWDS = ((16, 6), (64, 2))
"""How many clients there are at once, and how many requests each of them makes."""


def entries(chosen: Callable[[Entry], bool]) -> list:
    """Models of the zoo; those that repeat another with a further function run with the slow tests."""
    return [
        pytest.param(entry, id=entry.name, marks=[pytest.mark.stack] if entry.slow else [])
        for entry in ZOO.values()
        if chosen(entry)
    ]


async def answer(client: httpx.AsyncClient, document: dict) -> tuple[int, bytes]:
    """Status and body; of errors the status only, since MLflow's text differs."""
    response = await client.post("/invocations", json=document)
    return response.status_code, response.content if response.status_code == 200 else b""


async def ask_by_turns(client: httpx.AsyncClient, documents: list[dict], first: int, count: int) -> list:
    """One client's requests, one after the other: pairs of a document's number and its answer."""
    numbers = [(first + step) % len(documents) for step in range(count)]
    return [(number, await answer(client, documents[number])) for number in numbers]


async def crowd(client: httpx.AsyncClient, documents: list[dict], clients: int, each: int) -> list:
    """All clients' requests, made at the same time and beginning with different documents."""
    asking = (ask_by_turns(client, documents, first, each) for first in range(clients))
    return list(itertools.chain.from_iterable(await asyncio.gather(*asking)))


@pytest.mark.parametrize("entry", entries(lambda entry: entry.repeatable))
async def test_concurrent_answers_equal_those_of_mlflow_to_single_requests(entry: Entry):
    async with mlflow_serving(model_path(entry.name)) as mlflow:
        alone = [await answer(mlflow, document) for document in entry.documents]
    assert 200 in {status for status, _ in alone}
    async with serving(entry.name) as client:
        in_turn = [await answer(client, document) for document in entry.documents]
        crowds = [await crowd(client, entry.documents, *numbers) for numbers in CROWDS]
    assert in_turn == alone
    for asked in crowds:
        wrong = [(number, given) for number, given in asked if given != alone[number]]
        examples = [(given, alone[number]) for number, given in wrong[:2]]
        assert not wrong, f"{len(wrong)} of {len(asked)} answers are wrong, such as {examples}"


@pytest.mark.parametrize("entry", entries(lambda entry: not entry.repeatable))
async def test_requests_to_a_nondeterministic_model_never_share_a_call(entry: Entry):
    async with serving(entry.name) as client:
        answers = [await crowd(client, entry.documents, *numbers) for numbers in CROWDS]
    given = [body for _, (status, body) in itertools.chain.from_iterable(answers) if status == 200]
    assert len(given) == sum(clients * each for clients, each in CROWDS)
    assert len({body.split(b"[")[1].split(b",")[0].rstrip(b"]}") for body in given}) == len(given)


@pytest.mark.parametrize("entry", entries(lambda entry: entry.joined is not None))
async def test_requests_share_calls_exactly_where_rows_are_known_to_be_independent(entry: Entry):
    async with serving(entry.name) as client:
        plan = (await client.get("/v2/models/m")).json()["parameters"]
    assert plan["batching"] is entry.joined, plan["reasons"]
