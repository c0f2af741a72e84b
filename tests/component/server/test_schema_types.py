"""For every type a schema can have: random valid frames answer over HTTP as `pyfunc.predict` answers."""

import base64
import json
import math
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
import numpy as np
import pandas as pd
import pytest
from davit_server.inference.answering import answer_requests
from davit_server.inference.choice import choose_plan
from davit_server.inference.plan import Plan, PlanOptions
from davit_server.inference.service import read_document
from davit_server.runtimes.pyfunc import PyfuncModel, load_pyfunc
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import AnyType, Array, DataType, Map, Object, Property
from support.models.saved import EchoModel, save_python

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = st.integers(-(2**31), 2**31 - 1)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=32)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)).map(lambda at: at.replace(microsecond=0))  # noqa: DTZ001

KINDS: dict[str, tuple[object, st.SearchStrategy]] = {
    "long": (DataType.long, st.integers(-(2**63), 2**63 - 1)),
    "integer": (DataType.integer, SMALL),
    "double": (DataType.double, st.floats(allow_nan=False, allow_infinity=False)),
    "float": (DataType.float, NUMBERS),
    "string": (DataType.string, TEXTS),
    "boolean": (DataType.boolean, st.booleans()),
    "binary": (DataType.binary, st.binary(max_size=12)),
    "datetime": (DataType.datetime, TIMES),
    "array": (Array(DataType.long), st.lists(SMALL, min_size=1, max_size=3)),
    "nested": (
        Array(Array(DataType.string)),
        st.lists(st.lists(TEXTS, min_size=1, max_size=2), min_size=1, max_size=2),
    ),
    "object": (
        Object([Property("a", DataType.string), Property("b", DataType.double, required=False)]),
        st.fixed_dictionaries({"a": TEXTS}, optional={"b": NUMBERS}),
    ),
    "map": (Map(DataType.long), st.dictionaries(TEXTS, SMALL, min_size=1, max_size=3)),
    "any": (AnyType(), st.one_of(SMALL, TEXTS, st.lists(SMALL, max_size=2))),
}


# For the whole process: hypothesis calls a test's body too often for a fixture of one test.
MODELS = TemporaryDirectory(prefix="davit-types-")


@cache
def served(kind: str) -> tuple[PyfuncModel, Plan]:
    """An echo model with one column of a type and one of numbers beside it."""
    path = Path(MODELS.name) / kind
    signature = ModelSignature(inputs=Schema([ColSpec(KINDS[kind][0], "v"), ColSpec("double", "n")]))
    save_python(path, EchoModel(), signature=signature)
    model = load_pyfunc(path)
    return model, choose_plan(model, PlanOptions(batching="enabled"))


def to_json(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime) else value


def over_http(model: PyfuncModel, plan: Plan, documents: list[dict]) -> list[object]:
    """What clients get when their requests arrive together."""
    requests = [read_document(model, plan, json.loads(json.dumps(document)), 1000) for document in documents]
    batches: dict[object, list[int]] = {}
    for at, request in enumerate(requests):
        batches.setdefault(("joined", request.batch_key) if request.batch_key is not None else at, []).append(
            at
        )
    answers: list[object] = [None] * len(requests)
    for places in batches.values():
        for at, answer in zip(places, answer_requests(plan, [requests[at] for at in places]), strict=True):
            answers[at] = json.loads(answer)["predictions"]
    return answers


def plain(value: object) -> object:
    """A predicted value as JSON would carry it."""
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, bytes):
        return base64.encodebytes(value).decode("ascii")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def equal(left: object, right: object) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-6) or left == right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(*pair) for pair in zip(left, right, strict=True))
    return left == right


def frame_of(kind: str, values: list[object]) -> pd.DataFrame:
    """The frame a Python user would hand to `predict`."""
    dtypes = {"integer": "int32", "float": "float32", "datetime": "datetime64[ns]"}
    column = pd.Series(values, dtype=dtypes.get(kind, object if kind in {"binary", "any"} else None))
    return pd.DataFrame({"v": column, "n": [float(at) for at in range(len(values))]})


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_http_answers_as_pyfunc_does(kind):
    model, plan = served(kind)

    @settings(max_examples=25, deadline=None, database=None)
    @given(st.lists(st.lists(KINDS[kind][1], min_size=1, max_size=3), min_size=1, max_size=3))
    def check(requests: list[list[object]]) -> None:
        documents, expected = [], []
        for values in requests:
            records = [{"v": to_json(value), "n": float(at)} for at, value in enumerate(values)]
            documents.append({"dataframe_records": records})
            answer = model.mlflow_model.predict(
                frame_of(
                    kind,
                    json.loads(json.dumps(values))
                    if kind in {"object", "map", "nested", "array"}
                    else values,
                )
            )
            expected.append(
                [{key: plain(value) for key, value in row.items()} for row in answer.to_dict("records")]
            )
        answers = over_http(model, plan, documents)
        assert equal(answers, expected), (answers, expected)

    check()


def test_plain_types_share_calls_and_nested_ones_do_not():
    joined = {kind for kind in KINDS if served(kind)[1].predictor is not None}
    assert joined == {"long", "integer", "double", "float", "string", "boolean", "datetime"}
    # The echo writes datetimes as text by the column: its answer to a midnight depends on the rows beside it.
    assert {kind for kind in joined if served(kind)[1].batching} == joined - {"datetime"}


def test_the_models_under_test_are_real():
    assert isinstance(served("long")[0].mlflow_model, mlflow.pyfunc.PyFuncModel)


def test_a_column_of_midnights_is_answered_the_same_with_and_without_batching():
    model, plan = served("datetime")
    requests = [["2000-01-01T00:00:00"], ["2000-01-01T00:00:01"]]
    documents = [{"dataframe_records": [{"v": value, "n": 0.0} for value in values]} for values in requests]
    alone = [over_http(model, plan, [document])[0] for document in documents]
    assert over_http(model, plan, documents) == alone
