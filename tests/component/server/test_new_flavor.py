"""Another flavor is one row in the table of flavors, and its fast path one file: no other code knows of it."""

import asyncio

import pytest
from davit_server.flavors.table import FLAVORS
from davit_server.inference.choice import choose_plan
from davit_server.inference.plan import PlanOptions
from davit_server.process.app import create_app
from davit_server.runtimes.pyfunc import load_pyfunc
from support.models.custom_flavor import ROW, save_doubling
from support.servers.in_process import running, server_settings

pytestmark = pytest.mark.filterwarnings("ignore")

REQUESTS = 16


@pytest.fixture(scope="module")
def doubling(tmp_path_factory):
    path = tmp_path_factory.mktemp("doubling") / "model"
    save_doubling(path)
    return path


@pytest.fixture
def with_row(monkeypatch):
    monkeypatch.setattr("davit_server.flavors.table.FLAVORS", (*FLAVORS, ROW))


def test_a_flavor_without_a_table_row_uses_unchanged_pyfunc_and_no_batching(doubling):
    plan = choose_plan(load_pyfunc(doubling), PlanOptions())
    assert (plan.name, plan.batching, plan.trusted, plan.concurrency) == ("pyfunc", False, False, 32)


def test_the_table_row_alone_decides_how_a_flavor_is_called(with_row, doubling):
    plan = choose_plan(load_pyfunc(doubling), PlanOptions())
    assert (plan.name, plan.batching, plan.trusted, plan.concurrency) == ("native", True, True, 3)
    assert plan.reasons == [
        "native doubling: its answers are identical to those of pyfunc",
        "batched: Doubling looks at one row at a time",
    ]


@pytest.mark.parametrize(("allowed", "name"), [("auto", "native"), ("onnx", "native"), ("pyfunc", "pyfunc")])
def test_the_table_row_says_which_plans_allow_the_fast_path(with_row, doubling, allowed, name):
    assert choose_plan(load_pyfunc(doubling), PlanOptions(plan=allowed)).name == name


async def test_requests_share_calls_of_the_fast_path_and_get_their_own_answers(with_row, doubling):
    app = create_app(server_settings(doubling))
    async with running(app) as client:
        heights = app.state.service.model.mlflow_model.get_raw_model().heights
        heights.clear()
        asked = [{"dataframe_split": {"columns": ["x"], "data": [[float(at)]]}} for at in range(REQUESTS)]
        answers = await asyncio.gather(*(client.post("/invocations", json=each) for each in asked))
        described = (await client.get("/v2/models/m")).json()
    assert [answer.json() for answer in answers] == [{"predictions": [at * 2.0]} for at in range(REQUESTS)]
    assert sum(heights) == REQUESTS
    assert len(heights) < REQUESTS
    assert described["platform"] == "support.models.custom_flavor"
