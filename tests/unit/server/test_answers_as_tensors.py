"""A prediction goes out as tensors exactly as it is, or is refused with a sentence."""

import datetime as dt
import decimal
import json
import struct

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from davit_server.errors import ModelFailed
from davit_server.protocols.answers import answer_tensors, tensor_bytes, tensor_data, tensor_entry
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays


def sent(raw: object) -> dict[str, tuple[str, list[int], list]]:
    """Each output's datatype, shape and data, as a strict JSON reader has them."""
    found = {}
    for tensor in answer_tensors(raw, "predictions"):
        entry = tensor_entry(tensor)
        text = json.dumps(tensor_data(tensor), allow_nan=False)
        found[tensor.name] = (entry["datatype"], entry["shape"], json.loads(text))
    return found


def refusal(raw: object) -> str:
    with pytest.raises(ModelFailed) as refused:
        sent(raw)
    return refused.value.message


def column(values: object) -> tuple[str, list[int], list]:
    return sent(pd.DataFrame({"c": values}))["c"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (np.array([[1.0, 2.0]], dtype=">f4"), ("FP32", [1, 2], [1.0, 2.0])),
        (np.array(3), ("INT64", [1], [3])),
        (2.5, ("FP64", [1], [2.5])),
        ("text", ("BYTES", [1], ["text"])),
        (np.array(["a", "bcd"]), ("BYTES", [2], ["a", "bcd"])),
        (np.array([b"\x00\xff"], dtype=object), ("BYTES", [1], ["AP8="])),
        (np.matrix([[1, 2], [3, 4]]), ("INT64", [2, 2], [1, 2, 3, 4])),
        (np.ma.MaskedArray([1, 2, 3], mask=[0, 1, 0]), ("INT64", [3], [1, None, 3])),
        (np.ma.MaskedArray(["a", "b"], mask=[1, 0]), ("BYTES", [2], [None, "b"])),
        (np.array(["2024-01-02", "NaT"], dtype="M8[s]"), ("BYTES", [2], ["2024-01-02T00:00:00", None])),
        (np.array([90], dtype="m8[m]"), ("BYTES", [1], ["P0DT1H30M0S"])),
        ([dt.timedelta(minutes=90), None], ("BYTES", [2], ["P0DT1H30M0S", None])),
        ([np.datetime64("NaT"), np.datetime64("2024-01-02")], ("BYTES", [2], [None, "2024-01-02T00:00:00"])),
        ([[1, 2], [3, 4]], ("INT64", [2, 2], [1, 2, 3, 4])),
        ([[1, None], [3, 4]], ("INT64", [2, 2], [1, None, 3, 4])),
        ([["a", "b"], ["c", "d"]], ("BYTES", [2, 2], ["a", "b", "c", "d"])),
        ([np.zeros((2, 3)), np.ones((2, 3))], ("FP64", [2, 2, 3], [0.0] * 6 + [1.0] * 6)),
        ([1.5, None], ("FP64", [2], [1.5, None])),
        ([float("nan"), 1.0], ("FP64", [2], [None, 1.0])),
        ([True, None], ("BOOL", [2], [True, None])),
        ([2**63, 1], ("UINT64", [2], [2**63, 1])),
        ([None], ("BYTES", [1], [None])),
        (range(3), ("INT64", [3], [0, 1, 2])),
        (pd.Index(["a", "b"]), ("BYTES", [2], ["a", "b"])),
        ([{"a": {"b": [1]}}], ("BYTES", [1], ['{"b": [1]}'])),
    ],
)
def test_values_keep_their_type_and_shape(raw, expected):
    assert next(iter(sent(raw).values())) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.array([True, None], dtype="boolean"), ("BOOL", [2], [True, None])),
        (pd.array([1, None], dtype="Int8"), ("INT8", [2], [1, None])),
        (pd.array([1.5, None], dtype="Float32"), ("FP32", [2], [1.5, None])),
        (pd.array(["a", None], dtype="string"), ("BYTES", [2], ["a", None])),
        (pd.Categorical(["x", None, "y"]), ("BYTES", [3], ["x", None, "y"])),
        (pd.Categorical([3, 5]), ("INT64", [2], [3, 5])),
        (pd.arrays.SparseArray([0, 1]), ("INT64", [2], [0, 1])),
        ([decimal.Decimal("1.50"), None], ("BYTES", [2], ["1.50", None])),
        (pd.to_datetime(["2024-01-31T12:00:00+02:00"]), ("BYTES", [1], ["2024-01-31T12:00:00+02:00"])),
        ([dt.date(2024, 1, 31)], ("BYTES", [1], ["2024-01-31"])),
        ([np.arange(3) / 7, np.arange(3) / 9], ("FP64", [2, 3], [0.0, 1 / 7, 2 / 7, 0.0, 1 / 9, 2 / 9])),
        ([(1, 2), (3, 4)], ("INT64", [2, 2], [1, 2, 3, 4])),
    ],
)
def test_pandas_extension_types_are_kept(values, expected):
    assert column(values) == expected


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ((value for value in [1]), "generator"),
        ({1, 2}, "set"),
        (iter([1]), "list_iterator"),
        (np.array([1j]), "complex128"),
        ([1j], "complex"),
        (scipy.sparse.csr_matrix(np.eye(2)), "csr_matrix"),
        (np.zeros(1, dtype=[("a", "i4")]), "holds"),
        (np.array([1], dtype=np.longdouble), "holds"),
        ([[1, 2], [3]], "different lengths"),
        ([np.zeros((2, 3)), np.zeros((2, 4))], "different lengths"),
        ([[1], 2], "beside single values"),
        ([[1], ["a"]], "text and whole number"),
        ([1, "a"], "text and whole number"),
        ([True, "a"], "boolean and text"),
        ([2**64], "64 bits"),
        ([2**63, -1], "64 bits"),
        ([2**53 + 1, 0.5], "double cannot hold"),
        ([object()], "object"),
        ([float("inf")], "infinity"),
        ([{"a": 1}, {"b": 1}], "different keys"),
        ([{"a": {"b": {1, 2}}}], "'a' holds an object that JSON cannot express"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two outputs of one name"),
        (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "named an output by a tuple"),
        (pd.Series(pd.period_range("2024-01", periods=2, freq="M")), "Period"),
        ({"a": [1], "gone": (value for value in [1])}, "'gone'"),
    ],
)
def test_an_unsupported_value_is_rejected_by_output_and_type(raw, told):
    message = refusal(raw)
    assert told in message
    assert " at 0x" not in message


def test_outputs_of_different_lengths_are_tensors_of_their_own():
    assert sent({"a": [1, 2], "b": [0.5]}) == {"a": ("INT64", [2], [1, 2]), "b": ("FP64", [1], [0.5])}


def test_an_object_that_raises_during_conversion_is_rejected():
    class Sulking:
        def __array__(self, *_: object, **__: object) -> np.ndarray:
            raise RuntimeError("still on the device")

    assert "RuntimeError" in refusal(Sulking())
    assert "device" not in refusal(Sulking())


def test_binary_output_has_the_bytes_of_the_model():
    [numbers] = answer_tensors(np.array([1, 2], dtype=">i2"), "p")
    assert tensor_bytes(numbers) == struct.pack("<2h", 1, 2)
    [texts] = answer_tensors([b"\xff\x00", b""], "p")
    assert tensor_bytes(texts) == struct.pack("<I", 2) + b"\xff\x00" + struct.pack("<I", 0)
    [gaps] = answer_tensors(pd.Series([1.5, None], dtype="Float64"), "p")
    assert np.isnan(np.frombuffer(tensor_bytes(gaps))[1])
    [infinite] = answer_tensors(np.array([np.inf]), "p")
    assert tensor_bytes(infinite) == struct.pack("<d", float("inf"))


@pytest.mark.parametrize(
    ("raw", "told"), [(["\ud800"], "UTF-8"), (["a", None], "lacks a value"), ([1, None], "lacks a value")]
)
def test_values_without_a_binary_form_are_rejected(raw, told):
    [tensor] = answer_tensors(raw, "p")
    with pytest.raises(ModelFailed, match=told):
        tensor_bytes(tensor)


@given(
    arrays.arrays(
        st.sampled_from(["f8", "f4", "i8", "u8", "i2", "?", "U4"]),
        arrays.array_shapes(max_dims=3, max_side=4),
    )
)
def test_any_array_and_its_lists_are_the_same_tensor(array):
    values = array.tolist()
    if array.dtype.kind == "f" and np.isinf(array).any():
        assert "infinity" in refusal(values)
        return
    one, other = sent(array)["predictions"], sent(values)["predictions"]
    assert one[1:] == other[1:]
