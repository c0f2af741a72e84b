"""Plain rows become a matrix; whatever MLflow would cast, refuse or read differently is left to it."""

import math

import numpy as np
import pytest
from davit_server.runtimes.rows import MatrixReader
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("a", "b")


def read(data: object, dtype: str = "float64"):
    return MatrixReader(NAMES, dtype).read({"dataframe_split": {"columns": list(NAMES), "data": data}})


@given(st.lists(st.tuples(st.floats(), st.integers(-(2**63), 2**63 - 1)).map(list), min_size=1, max_size=9))
def test_rows_are_parsed_into_the_same_numbers_as_by_numpy(rows):
    matrix, height = read(rows)
    assert height == len(rows)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix, np.array(rows, dtype=float))


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2), min_size=1, max_size=9))
def test_integers_stay_integers(rows):
    matrix, _ = read(rows, "int64")
    assert matrix.dtype == np.int64
    assert matrix.tolist() == rows


@pytest.mark.parametrize("dtype", ["float64", "int64"])
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize(
    "row",
    [
        [1, "2"],
        [1, None],
        [1],
        [1, 2, 3],
        [1, [2]],
        [[1], [2]],
        [True, False],
        [],
        {},
        {"a": 1, "b": 2},
        "12",
        7,
        None,
        True,
    ],
    ids=repr,
)
def test_other_rows_are_left_to_mlflow(row, rows, dtype):
    assert read([row] * rows, dtype) is None


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 1.5, math.nan])
def test_integers_beyond_int64_are_left_to_mlflow(value):
    assert read([[1, value]], "int64") is None
    assert read([[1, 2], [1, value]], "int64") is None


def test_a_number_beyond_every_float_is_left_to_mlflow():
    assert read([[1, 10**400]]) is None


def test_one_row_of_another_length_is_left_to_mlflow():
    assert read([[1, 2], [3], [4, 5, 6]]) is None
