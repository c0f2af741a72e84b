"""How often a model is called before its first request, and that a failed check does not stop it."""

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from davit_server.errors import ModelRejected
from davit_server.flavors.flavor import FastPath
from davit_server.flavors.table import FLAVORS
from davit_server.inference.choice import choose_plan
from davit_server.inference.loading import try_model
from davit_server.inference.plan import PlanOptions
from davit_server.runtimes.pyfunc import load_pyfunc
from support.models.saved import CountingModel, RowModel, infer_signature, model_path, save_python
from support.servers.in_process import serving

pytestmark = pytest.mark.filterwarnings("ignore")

ROW = {"dataframe_records": [{"x": 1.0}]}


@pytest.fixture
def counting(tmp_path):
    """A model that counts its calls, and the file in which it does."""
    (tmp_path / "calls").write_text("")
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    path = tmp_path / "model"
    save_python(
        path,
        CountingModel(),
        signature=infer_signature(frame, frame["x"]),
        input_example=frame,
        artifacts={"calls": str(tmp_path / "calls")},
    )
    calls = next(path.glob("artifacts/calls"))
    calls.write_text("")
    return path, calls


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, 1),
        ({"batching": "off"}, 1),
        ({"batching": "off", "plan": "pyfunc"}, 1),
        ({"startup_predictions": "off"}, 0),
    ],
)
async def test_custom_code_is_called_only_by_the_smoke_test(counting, options, most):
    path, calls = counting
    async with serving(path, **options) as client:
        assert len(calls.read_text()) == most
        answer = await client.post("/invocations", json=ROW)
        scrape = (await client.get("/metrics")).text
    assert answer.json() == {"predictions": [{"x": 2.0}]}
    assert f'davit_model_startup_predictions{{model="m",version="7"}} {most:.1f}' in scrape


async def test_calls_that_check_a_declaration_are_counted(counting):
    path, calls = counting
    async with serving(path, batching="enabled") as client:
        made = len(calls.read_text())
        scrape = (await client.get("/metrics")).text
    assert f'davit_model_startup_predictions{{model="m",version="7"}} {made:.1f}' in scrape


@pytest.mark.parametrize("name", ["iris", "lightgbm_regressor", "by_name"])
def test_with_fixed_batching_and_plan_only_the_smoke_test_calls_the_model(name):
    model = load_pyfunc(model_path(name))
    tried = try_model(model, model_path(name), PlanOptions(batching="off", plan="pyfunc"), 100)
    assert (tried.plan.predictions, tried.checked.predictions) == (0, 1)


def test_a_synthetic_row_without_an_answer_leaves_the_model_unchecked(tmp_path):
    signature = infer_signature(pd.DataFrame({"what": ["b"]}), [1.0])
    save_python(tmp_path / "model", RowModel(), signature=signature)
    model = load_pyfunc(tmp_path / "model")
    tried = try_model(model, tmp_path / "model", PlanOptions(deadline_seconds=0.2), 100)
    assert tried.checked.by == ""
    assert "did not answer a row generated from its signature within 0.2 s" in tried.checked.note


def test_an_example_without_an_answer_rejects_the_model(monkeypatch):
    model = load_pyfunc(model_path("sleepy"))
    monkeypatch.setattr(model, "predict", lambda _: time.sleep(3600))
    with pytest.raises(ModelRejected) as rejected:
        try_model(model, model_path("sleepy"), PlanOptions(deadline_seconds=0.2), 100)
    assert (rejected.value.stage, rejected.value.reason) == ("smoke-test", "SmokeTestOverdue")
    assert "0.2 s" in rejected.value.cause


@pytest.mark.parametrize("raised", [SystemExit(0), KeyboardInterrupt(), ValueError(), TimeoutError()])
def test_a_check_that_fails_leaves_unchanged_pyfunc(monkeypatch, raised):
    def fail(*_):
        raise raised

    monkeypatch.setattr("davit_server.inference.loading.choose_plan", fail)
    model = load_pyfunc(model_path("iris"))
    tried = try_model(model, model_path("iris"), PlanOptions(), 100)
    assert (tried.plan.name, tried.plan.batching, tried.plan.trusted) == ("pyfunc", False, False)
    assert type(raised).__name__ in tried.plan.reasons[0]
    assert tried.checked.by == "example"


def fail(*_, **__):
    raise RuntimeError("a step of the choice fails")


def predicts_all_the_same() -> bool:
    """Whether a model of irises still gets a plan that answers."""
    plan = choose_plan(load_pyfunc(model_path("iris")), PlanOptions())
    assert plan.predictor is not None
    return list(plan.predictor.predict([(np.array([[5.1, 3.5, 1.4, 0.2]]), 1)])[0]) == [0]


@pytest.mark.parametrize("step", ["measure_cost", "differs_by_row"])
def test_a_fast_path_that_raises_is_not_used(monkeypatch, step):
    monkeypatch.setattr(f"davit_server.inference.choice.{step}", fail)
    assert predicts_all_the_same()


@pytest.mark.parametrize(
    "column",
    [{"independence": fail}, {"fast_paths": (FastPath("fails", fail),)}],
    ids=["independence", "fast_paths"],
)
def test_a_table_row_that_raises_is_not_used(monkeypatch, column):
    rows = tuple(replace(row, **column) for row in FLAVORS)
    monkeypatch.setattr("davit_server.flavors.table.FLAVORS", rows)
    assert predicts_all_the_same()


def test_metadata_of_a_model_can_declare_row_independence(tmp_path):
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    (tmp_path / "calls").write_text("")
    save_python(
        tmp_path / "model",
        CountingModel(),
        signature=infer_signature(frame, frame["x"]),
        artifacts={"calls": str(tmp_path / "calls")},
        metadata={"davit.batching": "Enabled"},
    )
    plan = choose_plan(load_pyfunc(tmp_path / "model"), PlanOptions())
    assert plan.batching
    assert "declared by the model's metadata (davit.batching)" in plan.reasons[-1]
