import pytest

from bench.answers import same
from bench.models import Case, read_cases
from bench.protocols import INVOCATIONS, V2

CASE = Case(("a", "b"), [[1.0, 2.0], [3.0, 4.0]], [0, 1])


@pytest.mark.parametrize(
    ("expected", "answer", "verdict"),
    [
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1.0], [1.0000001], True),
        ([1.0], [1.001], False),
        ([0], [1e-9], True),
        (["setosa"], ["setosa"], True),
        (["setosa"], ["virginica"], False),
        ([1], ["1"], False),
        ([1, 2], [1], False),
        ([float("nan")], [float("nan")], False),
    ],
)
def test_answers_are_compared_value_by_value(expected, answer, verdict):
    assert same(expected, answer, 1e-6) is verdict


def test_mlflow_gets_a_table():
    assert INVOCATIONS.body(CASE) == b'{"dataframe_split":{"columns":["a","b"],"data":[[1.0,2.0],[3.0,4.0]]}}'


def test_v2_gets_one_tensor_per_column():
    assert b'{"name":"b","shape":[2,1],"datatype":"FP64","data":[2.0,4.0]}' in V2.body(CASE)


def test_both_protocols_return_one_value_per_row():
    assert INVOCATIONS.answer(b'{"predictions": [0, 1]}') == [0, 1]
    assert V2.answer(b'{"outputs": [{"name": "output-1", "data": [0, 1]}]}') == [0, 1]


def test_training_data_is_read_row_by_row():
    text = '{"columns": ["a"], "cases": {"1": [{"data": [[1.5]], "answer": ["x"]}], "100": []}}'
    assert read_cases(text) == {1: [Case(("a",), [[1.5]], ["x"])], 100: []}
