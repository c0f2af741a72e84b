"""Recognise plain requests: rows of numbers, strings and booleans that can share a call of the model.

A request is plain when reading it needs none of MLflow's casts: every value already has the type of the
signature. Such rows can be concatenated with those of other requests into one frame or matrix without any
change of meaning. Everything else (other types, missing or extra columns, null, params, nested values) is
left to MLflow's own parsing, one request at a time.
"""

import re
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from davit_server.runtimes.base import Signature

Rows = tuple[Any, int]
"""The rows of one request as an input of a shared call, and their number."""

_EXACT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d").fullmatch
"""The only datetime format whose meaning cannot depend on the other values of a column."""

_PLAIN_TYPES: dict[str, tuple[type, ...]] = {
    "double": (float, int),
    "float": (float, int),
    "long": (int,),
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
    "datetime": (str,),
}


class ColumnForms:
    """Read the JSON forms that name columns, in the order of the signature.

    Args:
        names: The columns of the signature.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = list(names)
        self._set = frozenset(names)
        pick = itemgetter(*names)
        self._pick: Callable[[Any], Any] = pick if len(names) > 1 else lambda record: (pick(record),)

    def rows(self, document: dict[str, Any]) -> Sequence[Any] | None:
        """Return the rows of a request that uses exactly these columns; None for every other request."""
        if len(document) != 1:
            return None
        split = document.get("dataframe_split")
        if split is not None:
            return self._from_split(split)
        form, value = next(iter(document.items()))
        if form in {"dataframe_records", "inputs", "instances"}:
            if type(value) is list:
                return self._from_records(value)
            if type(value) is dict and form != "dataframe_records":
                return self._from_columns(value)
        return None

    def _from_split(self, value: Any) -> Sequence[Any] | None:
        if type(value) is not dict or len(value) != 2:
            return None
        columns, data = value.get("columns"), value.get("data")
        if type(data) is not list or not data:
            return None
        if columns == self._names:
            return data
        return self._reordered(columns, data)

    def _reordered(self, columns: Any, data: list[Any]) -> Sequence[Any] | None:
        """Return the rows of the same columns in another order."""
        if type(columns) is not list or len(columns) != len(self._names):
            return None
        if not all(type(name) is str for name in columns) or self._set != set(columns):
            return None
        if not all(type(row) is list and len(row) == len(columns) for row in data):
            return None
        places = {name: at for at, name in enumerate(columns)}
        order = [places[name] for name in self._names]
        return [[row[at] for at in order] for row in data]

    def _from_records(self, value: list[Any]) -> Sequence[Any] | None:
        width = len(self._names)
        try:
            if all(len(record) == width for record in value):
                return [self._pick(record) for record in value] or None
        except (KeyError, TypeError, IndexError):
            pass
        return None

    def _from_columns(self, value: dict[str, Any]) -> Sequence[Any] | None:
        if value.keys() != self._set:
            return None
        columns = self._pick(value)
        if not all(type(column) is list for column in columns):
            return None
        height = len(columns[0])
        if height == 0 or any(len(column) != height for column in columns):
            return None
        return list(zip(*columns, strict=True))


require_numbers = sum
"""Raises a TypeError if a value is not a number, faster than any other check in Python.

With a text among the values, numpy would make every cell as wide as the longest: gigabytes from a small body.
"""


class MatrixReader:
    """Read requests for models whose columns are all of one number type: rows become a numpy matrix.

    Args:
        names: The columns of the signature.
        dtype: numpy's name of their type.
    """

    def __init__(self, names: tuple[str, ...], dtype: str) -> None:
        self._forms = ColumnForms(names)
        self._width = len(names)
        self._widths = {len(names)}
        self._dtype = np.dtype(dtype)
        # Python's own arrays take numbers of their type and nothing else, and read them faster than numpy.
        self._typecode = "d" if self._dtype.kind == "f" else "q"

    def read(self, document: dict[str, Any]) -> Rows | None:
        """Return the request's matrix; None when MLflow has to parse it."""
        rows = self._forms.rows(document)
        if rows is None:
            return None
        height = len(rows)
        try:
            if height == 1:
                cells = rows[0]
            elif {*map(len, rows)} == self._widths:
                cells = chain.from_iterable(rows)
            else:
                return None
            # Python treats booleans as numbers, MLflow does not.
            if type(rows[0][0]) is bool:
                return None
            values = array(self._typecode, cells)
            return np.frombuffer(values, self._dtype).reshape(height, self._width), height
        except (ValueError, TypeError, OverflowError, LookupError):
            return None


class TensorReader:
    """Read requests for models that take one unnamed tensor of any number of rows.

    Args:
        shape: The tensor's shape without its first dimension.
        dtype: numpy's name of its element type.
    """

    def __init__(self, shape: tuple[int, ...], dtype: str) -> None:
        self._shape = shape
        self._dtype = np.dtype(dtype)
        self._kinds = "iuf" if self._dtype.kind == "f" else "i"

    def read(self, document: dict[str, Any]) -> Rows | None:
        """Return the request's tensor; None when MLflow has to parse it."""
        if len(document) != 1:
            return None
        value = document.get("inputs") or document.get("instances")
        if type(value) is not list:
            return None
        try:
            values: Iterable[Any] = value
            for _ in self._shape:
                values = chain.from_iterable(values)
            require_numbers(values)
            tensor = np.array(value)
        except (ValueError, TypeError, OverflowError):
            return None
        if tensor.dtype.kind not in self._kinds or tensor.shape[1:] != self._shape:
            return None
        return tensor.astype(self._dtype, copy=False), len(tensor)


class TableReader:
    """Read requests for models with columns of several types: rows stay Python values, checked one by one.

    Args:
        signature: Only columns of the types in `_PLAIN_TYPES`, see `reads`.
    """

    def __init__(self, signature: Signature) -> None:
        self._forms = ColumnForms(signature.names)
        self._kinds = [spec.kind for spec in signature.inputs]
        self._allowed = [_PLAIN_TYPES[kind] for kind in self._kinds]

    @staticmethod
    def reads(signature: Signature) -> bool:
        """Return whether this reader knows the type of every column."""
        return all(spec.kind in _PLAIN_TYPES for spec in signature.inputs)

    def read(self, document: dict[str, Any]) -> Rows | None:
        """Return the request's rows; None when MLflow has to parse it."""
        rows = self._forms.rows(document)
        if rows is None or not all(map(self._plain, rows)):
            return None
        return rows, len(rows)

    def _plain(self, row: Any) -> bool:
        """Return whether each value already has its column's type."""
        if type(row) not in {list, tuple} or len(row) != len(self._kinds):
            return False
        for value, kind, allowed in zip(row, self._kinds, self._allowed, strict=True):
            if type(value) not in allowed or (kind == "datetime" and not _EXACT(value)):
                return False
        return True

    def columns(self, parts: Sequence[Rows]) -> dict[int, Any]:
        """Return all parts' rows as typed columns by position, with MLflow's casts.

        Raises:
            OverflowError: A number does not fit its column.
        """
        import pandas as pd

        rows = [row for part, _ in parts for row in part]
        columns: dict[int, Any] = {}
        for at, (kind, values) in enumerate(zip(self._kinds, zip(*rows, strict=True), strict=True)):
            if kind == "datetime":
                columns[at] = pd.to_datetime(pd.Series(values), format="ISO8601").dt.as_unit("ns")
            elif kind == "string":
                columns[at] = pd.Series(values)
            else:
                columns[at] = np.array(values, dtype=NUMPY_TYPES[kind])
        return columns


NUMPY_TYPES = {
    "double": "float64",
    "float": "float32",
    "long": "int64",
    "integer": "int32",
    "boolean": "bool",
}
"""MLflow's number types as numpy names them."""
