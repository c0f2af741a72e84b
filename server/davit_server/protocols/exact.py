"""Convert a prediction to an array of one of the Open Inference Protocol's types, without changing values."""

import datetime as dt
import decimal
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from davit_server.protocols.tensors import has_datatype


class Inexpressible(Exception):
    """An output has no form in the protocol; the message is the end of a sentence about the output."""


def exact_array(values: Any) -> Any:
    """Return an array of one of the protocol's types, masked where values are missing.

    Raises:
        Inexpressible: The values have no exact form in the protocol.
    """
    if isinstance(values, np.ndarray):
        return _of_array(values)
    if hasattr(values, "dtype") and hasattr(values, "to_numpy"):
        return _of_pandas(values)
    if isinstance(values, list | tuple | range):
        return _of_list(values)
    if hasattr(values, "__array__") and not isinstance(values, np.generic):
        return exact_array(np.asarray(values))
    return _of_cells([values])


def _of_array(array: Any) -> Any:
    """Convert a numpy array; it stays as it is where the protocol has its type."""
    if isinstance(array, np.matrix):
        array = np.asarray(array)
    if array.ndim == 0:
        array = array.reshape(1)
    if array.dtype.kind in "iufb":
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        if has_datatype(native.dtype):
            return native
    cells = np.asarray(array).astype(object) if array.dtype.kind in "USTO" else _boxed(np.asarray(array))
    if isinstance(array, np.ma.MaskedArray):
        cells[np.ma.getmaskarray(array)] = None
    flat = _of_cells(list(cells.ravel()))
    return flat.reshape(array.shape + flat.shape[1:])


def _boxed(array: Any) -> Any:
    """Return datetimes and durations as pandas' own, which have an ISO form; refuse other types."""
    import pandas as pd

    if array.dtype.kind not in "mM":
        raise Inexpressible(f"holds {array.dtype} values")
    box = pd.Timestamp if array.dtype.kind == "M" else pd.Timedelta
    cells = np.empty(array.size, dtype=object)
    cells[:] = [box(value) for value in array.ravel()]
    return cells.reshape(array.shape)


def _of_pandas(values: Any) -> Any:
    """Convert a column or index, also of one of pandas' own types."""
    if isinstance(values.dtype, np.dtype):
        return _of_array(values.to_numpy())
    array = _of_cells(list(values.astype(object)))
    wanted = getattr(values.dtype, "numpy_dtype", None)
    if wanted is not None and wanted.kind in "iufb" and array.dtype.kind in "iufb":
        return array.astype(wanted)
    return array


def _of_list(values: Sequence[Any]) -> Any:
    """Convert a list: numbers at once, everything else value by value."""
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError, TypeError):
        return _of_cells(list(values))
    # Whole numbers beyond 2**53 lose digits among floats, and numpy converts values beside a text to texts.
    exact = array.dtype.kind in "iub" or (array.dtype.kind == "f" and not (np.abs(array) >= 2**53).any())
    return array if exact and array.ndim > 0 and has_datatype(array.dtype) else _of_cells(list(values))


def _of_cells(cells: list[Any]) -> Any:
    """Convert single values of any type; lists among them become further dimensions."""
    if any(map(_is_list, cells)):
        return _stacked(cells)
    missing = np.fromiter(map(_is_missing, cells), dtype=bool, count=len(cells))
    present = [cell for cell, gone in zip(cells, missing, strict=True) if not gone]
    array = _of_present(present)
    if not missing.any():
        return array
    if array.dtype == object or not present:
        filled = np.full(len(cells), None, dtype=object)
        filled[~missing] = array
        return filled
    nan = any(isinstance(cell, float) for cell in cells) and array.dtype.kind != "b"
    filled = np.zeros(len(cells), dtype=np.float64 if nan else array.dtype)
    filled[~missing] = array
    return np.ma.MaskedArray(filled, mask=missing)


def _is_list(cell: Any) -> bool:
    if isinstance(cell, list | tuple):
        return True
    return getattr(cell, "ndim", 0) > 0 and (isinstance(cell, np.ndarray) or hasattr(cell, "to_numpy"))


def _stacked(cells: list[Any]) -> Any:
    """Stack lists of one shape into one array with more dimensions."""
    if not all(map(_is_list, cells)):
        raise Inexpressible("holds lists beside single values")
    rows = [exact_array(cell) for cell in cells]
    if len({row.shape for row in rows}) > 1:
        raise Inexpressible("holds lists of different lengths")
    if len({row.dtype for row in rows}) > 1:
        # numpy would make floats of a signed and an unsigned integer.
        flat = _of_cells([value for row in rows for value in row.ravel().tolist()])
        return flat.reshape(len(rows), *rows[0].shape)
    stack = np.ma.stack if any(isinstance(row, np.ma.MaskedArray) for row in rows) else np.stack
    return stack(rows)


def _is_missing(cell: Any) -> bool:
    """Return whether a value is None, NaN, NaT or pandas' NA."""
    if isinstance(cell, float | np.floating):
        return math.isnan(cell)
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    return cell is None or type(cell).__name__ in {"NAType", "NaTType", "MaskedConstant"}


def _of_present(cells: list[Any]) -> Any:
    """Convert single values, none of them missing, all of one kind."""
    kinds = {_kind_of(cell_type) for cell_type in set(map(type, cells))}
    if kinds == {"boolean"}:
        return np.array(cells, dtype=bool)
    if kinds == {"whole number"}:
        return _integers(cells)
    if kinds in ({"number"}, {"number", "whole number"}):
        return _floats(cells)
    if len(kinds) > 1:
        raise Inexpressible(f"mixes values of the kinds {' and '.join(sorted(kinds))}")
    texts = np.empty(len(cells), dtype=object)
    texts[:] = [_text(cell) for cell in cells]
    return texts


def _kind_of(cell_type: type) -> str:
    """Return the kind of a type; values of several kinds have no common type.

    Raises:
        Inexpressible: The protocol has no form for the type.
    """
    for kind, types in _KINDS.items():
        if issubclass(cell_type, types):
            return kind
    raise Inexpressible(f"holds a value of type {cell_type.__name__}")


_KINDS: dict[str, tuple[type, ...]] = {
    "boolean": (bool, np.bool_),
    "duration": (dt.timedelta, np.timedelta64),
    "whole number": (int, np.integer),
    "number": (float, np.float16, np.float32, np.float64),
    "text": (str,),
    "bytes": (bytes, bytearray),
    "decimal": (decimal.Decimal,),
    "datetime": (dt.datetime, np.datetime64),
    "date": (dt.date,),
    "time": (dt.time,),
    "object": (dict,),
}
"""The order matters: a bool is an int, a datetime is a date, and for numpy a duration is an integer."""


def _integers(cells: list[Any]) -> Any:
    """Return whole numbers in the narrowest of the protocol's 64-bit types that holds them all."""
    for dtype in (np.int64, np.uint64):
        limits = np.iinfo(dtype)
        if limits.min <= min(cells) and max(cells) <= limits.max:
            return np.array(cells, dtype=dtype)
    raise Inexpressible("holds whole numbers of more than 64 bits")


def _floats(cells: list[Any]) -> Any:
    """Return numbers as doubles; refuse whole numbers that would lose digits."""
    array = np.array(cells, dtype=np.float64)
    if any(isinstance(cell, int) and int(number) != cell for cell, number in zip(cells, array, strict=True)):
        raise Inexpressible("mixes fractions with whole numbers that a double cannot hold")
    return array


def _text(cell: Any) -> Any:
    """Return the one exact text of a value; bytes stay bytes."""
    if isinstance(cell, str | bytes):
        return cell
    if isinstance(cell, bytearray):
        return bytes(cell)
    if isinstance(cell, decimal.Decimal):
        return str(cell)
    if isinstance(cell, dict):
        return _json_text(cell)
    if isinstance(cell, np.datetime64 | np.timedelta64 | dt.timedelta):
        import pandas as pd

        cell = pd.Timestamp(cell) if isinstance(cell, np.datetime64) else pd.Timedelta(cell)
    return cell.isoformat()


def _json_text(cell: Any) -> str:
    try:
        return json.dumps(cell, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as failure:
        raise Inexpressible("holds an object that JSON cannot express") from failure
