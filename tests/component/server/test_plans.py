"""How a model is called, and that its answers are pyfunc's whatever is chosen."""

import logging
import math
import sys

import numpy as np
import pytest
from davit_server.errors import ModelRejected
from davit_server.inference.answering import answer_requests
from davit_server.inference.choice import choose_plan
from davit_server.inference.plan import Plan, PlanOptions
from davit_server.inference.service import read_document
from davit_server.runtimes.pyfunc import PyfuncModel, load_pyfunc
from support.models.saved import IRIS_COLUMNS, fitted_iris, model_path

pytestmark = pytest.mark.filterwarnings("ignore")


def slow(*values):
    """A case that repeats another with a further library or kind of model."""
    return pytest.param(*values, marks=pytest.mark.stack)


TREES = [
    slow("lightgbm_classifier"),
    "lightgbm_two_classes",
    slow("lightgbm_regressor"),
    slow("lightgbm_booster"),
    slow("xgboost_classifier"),
    "xgboost_regressor",
    slow("xgboost_booster"),
]


def planned(name: str, **wishes) -> tuple[PyfuncModel, Plan]:
    model = load_pyfunc(model_path(name))
    return model, choose_plan(model, PlanOptions(**wishes))


def some_rows() -> np.ndarray:
    """Rows like those the models know, and rows far away."""
    near = fitted_iris()[0].to_numpy()[::10]
    return np.concatenate([near, near * np.random.default_rng(3).uniform(-3, 9, near.shape)])


def document(rows) -> dict:
    return {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": rows}}


def batched(model: PyfuncModel, plan: Plan, rows: list) -> list:
    """Answers of requests of one row each that share a call."""
    requests = [read_document(model, plan, document([row]), 100) for row in rows]
    assert all(request.batch_input is not None for request in requests)
    raws = plan.predictor.predict([(request.batch_input, request.rows) for request in requests])
    assert answer_requests(plan, requests) == [
        request.encode(raw) for request, raw in zip(requests, raws, strict=True)
    ]
    return raws


def expected(model: PyfuncModel, rows: list) -> list:
    return [model.predict(model.parse(document([row]))) for row in rows]


@pytest.mark.parametrize("name", TREES)
def test_trees_are_called_natively_and_answer_as_pyfunc_does(name):
    model, plan = planned(name)
    rows = some_rows().tolist()
    assert (plan.name, plan.batching) == ("native", True), plan.reasons
    assert any(reason.startswith("native trees: ") for reason in plan.reasons)
    for answer, wanted in zip(batched(model, plan, rows), expected(model, rows), strict=True):
        assert answer.dtype == wanted.dtype
        assert np.array_equal(answer, wanted)


@pytest.mark.parametrize("name", ["lightgbm_two_classes", "xgboost_regressor"])
def test_trees_treat_missing_and_infinite_values_as_pyfunc_does(name):
    model, plan = planned(name)
    plain = Plan(reasons=[])
    for value in (math.nan, math.inf, -math.inf):
        body = document([[5.1, value, 1.4, 0.2]])
        answer, wanted = (
            answer_requests(how, [read_document(model, how, body, 10)])[0] for how in (plan, plain)
        )
        assert getattr(answer, "message", answer) == getattr(wanted, "message", wanted)


@pytest.mark.parametrize("name", ["iris", "lightgbm_two_classes"])
def test_plan_pyfunc_never_calls_the_native_library(name):
    _, plan = planned(name, plan="pyfunc")
    assert plan.name == "pyfunc"
    assert not any("native" in reason for reason in plan.reasons)


@pytest.mark.parametrize(
    ("name", "computing"),
    [
        ("iris", "float64"),
        slow("iris_proba", "float64"),
        ("tensor", "float64"),
        slow("forest", "float64"),
        slow("regression", "float32"),
        slow("lightgbm_classifier", "float32"),
        slow("lightgbm_booster", "float32"),
        slow("xgboost_classifier", "float32"),
        ("xgboost_regressor", "float32"),
        slow("logged_as_onnx", "float32"),
    ],
)
def test_plan_onnx_answers_in_the_types_of_pyfunc_within_the_tolerance(name, computing):
    model, plan = planned(name, plan="onnx")
    assert plan.name == "onnx", plan.reasons
    assert f"computing in {computing}" in plan.reasons[0] + plan.reasons[-2]
    rows = some_rows()
    whole = plan.predictor.predict([(rows, len(rows))])[0]
    wanted = (
        model.mlflow_model.predict(rows)
        if model.signature.tensors
        else model.predict(model.parse(document(rows.tolist())))
    )
    assert type(whole) is type(wanted)
    whole, wanted = np.asarray(whole), np.asarray(wanted)
    assert (whole.dtype, whole.shape) == (wanted.dtype, wanted.shape)
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(whole, wanted, rtol=1e-4)
    else:
        assert np.array_equal(whole, wanted)


def test_plan_onnx_leaves_missing_values_to_pyfunc():
    model, plan = planned("iris", plan="onnx")
    request = read_document(model, plan, document([[5.1, math.nan, 1.4, 0.2]]), 10)
    assert "ValueError" in answer_requests(plan, [request])[0].message


def test_plan_onnx_beyond_the_tolerance_falls_back_and_is_reported(caplog):
    with caplog.at_level(logging.WARNING):
        _, plan = planned("regression", plan="onnx", tolerance=1e-12)
    assert plan.name == "native"
    assert any(
        "differ from those of pyfunc by more than the relative tolerance 1e-12" in reason
        for reason in plan.reasons
    )
    assert [record.message for record in caplog.records if "DAVIT_PLAN" in record.message] == [
        "DAVIT_PLAN=onnx is not followed: its answers differ from those of pyfunc by more than the relative tolerance 1e-12"
    ]


@pytest.mark.parametrize("name", ["own_step", "frame", "nosig", "mixed"])
def test_a_model_that_cannot_be_converted_is_served_all_the_same(name, caplog):
    with caplog.at_level(logging.WARNING):
        _, plan = planned(name, plan="onnx")
    assert plan.name != "onnx"
    assert sum("DAVIT_PLAN=onnx is not followed" in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("library", ["onnxruntime", "skl2onnx"])
def test_plan_onnx_without_its_libraries_is_rejected_with_the_cure(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModelRejected) as refusal:
        planned("iris", plan="onnx")
    assert (refusal.value.stage, refusal.value.reason) == ("load", "MissingLibrary")
    assert library in refusal.value.cause
    assert "davit-serving[onnx]" in refusal.value.cure


@pytest.mark.stack
def test_onnx_is_imported_only_for_plan_onnx():
    import subprocess

    script = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from pathlib import Path\n"
        "from davit_server.inference.choice import choose_plan\n"
        "from davit_server.inference.plan import PlanOptions\n"
        "from davit_server.runtimes.pyfunc import load_pyfunc\n"
        f"plan = choose_plan(load_pyfunc(Path({str(model_path('iris'))!r})), PlanOptions())\n"
        "assert plan.name == 'native'\n"
        "assert not {'onnx', 'onnxruntime', 'skl2onnx', 'onnxmltools'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
