"""Predictions as Open Inference tensors.

The protocol has booleans, numbers and bytes, all of one type in a tensor of one shape. A prediction becomes
exactly that or is refused with a sentence: nothing is rounded, shortened or printed as Python prints it.

- Texts, and what has one exact text (datetimes and durations in ISO 8601, decimals in digits, objects in
  JSON), travel as BYTES. Bytes travel as they are, in JSON as base64.
- Lists of equal shape in the rows become further dimensions.
- Missing values, NaN among them, are null in JSON. Raw bytes have no null: NaN is itself there, and other
  missing values are refused. Infinities are refused in JSON, which has no number for them.
"""

import base64
import datetime as dt
import decimal
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from davit_server.errors import ModelFailed
from davit_server.runtimes.tensors import Tensor, has_datatype


def answer_tensors(raw: Any, default: str) -> list[Tensor]:
    """A prediction as named tensors with its own shapes and types.

    Args:
        raw: What the model returned.
        default: The name of an output that has none.

    Raises:
        ModelFailed: It cannot be expressed without changing it.
    """
    outputs = _outputs(raw, default)
    names = [name for name, _ in outputs]
    if len(set(names)) != len(names):
        raise ModelFailed("The model returned two outputs of one name; give each its own.")
    return [Tensor(name, _named_array(name, values)) for name, values in outputs]


def _outputs(raw: Any, default: str) -> list[tuple[str, Any]]:
    """The prediction's outputs by name."""
    if hasattr(raw, "columns") and hasattr(raw, "iloc"):
        return [(_output_name(name), raw.iloc[:, at]) for at, name in enumerate(raw.columns)]
    if isinstance(raw, dict):
        return [(_output_name(name), values) for name, values in raw.items()]
    if isinstance(raw, list) and raw and all(isinstance(row, dict) for row in raw):
        if any(row.keys() != raw[0].keys() for row in raw):
            raise ModelFailed("The model returned rows with different keys, which have no tensor form.")
        return [(_output_name(name), [row[name] for row in raw]) for name in raw[0]]
    return [(default, raw)]


def _output_name(name: Any) -> str:
    if isinstance(name, str | int | float | np.integer | np.floating):
        return str(name)
    raise ModelFailed(f"The model named an output by a {type(name).__name__}; names must be text or numbers.")


class _Inexpressible(Exception):
    """What a value is that the protocol has no form for."""


def _named_array(name: str, values: Any) -> Any:
    try:
        return _array(values)
    except _Inexpressible as failure:
        message = f"The model's output '{name}' {failure}, which tensors cannot express"
        raise ModelFailed(f"{message}; /invocations may.") from failure
    except Exception as failure:
        raise ModelFailed(
            f"The model's output '{name}' is a {type(values).__name__} that raised {type(failure).__name__} "
            "when it was read."
        ) from failure


def _array(values: Any) -> Any:
    """An array of one of the protocol's types, masked where values are missing.

    Raises:
        _Inexpressible: There is none.
    """
    if isinstance(values, np.ndarray):
        return _of_array(values)
    if hasattr(values, "dtype") and hasattr(values, "to_numpy"):
        return _of_pandas(values)
    if isinstance(values, list | tuple | range):
        return _of_list(values)
    if hasattr(values, "__array__") and not isinstance(values, np.generic):
        return _array(np.asarray(values))
    return _of_cells([values])


def _of_array(array: Any) -> Any:
    """A numpy array: as it is, where the protocol has its type."""
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
    """Datetimes and durations as pandas' own, which know their ISO form; anything else has none."""
    import pandas as pd

    if array.dtype.kind not in "mM":
        raise _Inexpressible(f"holds {array.dtype} values")
    box = pd.Timestamp if array.dtype.kind == "M" else pd.Timedelta
    cells = np.empty(array.size, dtype=object)
    cells[:] = [box(value) for value in array.ravel()]
    return cells.reshape(array.shape)


def _of_pandas(values: Any) -> Any:
    """A column or index, also of one of pandas' own types."""
    if isinstance(values.dtype, np.dtype):
        return _of_array(values.to_numpy())
    array = _of_cells(list(values.astype(object)))
    wanted = getattr(values.dtype, "numpy_dtype", None)
    if wanted is not None and wanted.kind in "iufb" and array.dtype.kind in "iufb":
        return array.astype(wanted)
    return array


def _of_list(values: Sequence[Any]) -> Any:
    """A list: numbers by the short way, everything else value by value."""
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError, TypeError):
        return _of_cells(list(values))
    # Whole numbers beyond 2**53 lose digits among floats, and numpy makes texts of what stands beside text.
    exact = array.dtype.kind in "iub" or (array.dtype.kind == "f" and not (np.abs(array) >= 2**53).any())
    return array if exact and array.ndim > 0 and has_datatype(array.dtype) else _of_cells(list(values))


def _of_cells(cells: list[Any]) -> Any:
    """Single values of any type; lists among them become further dimensions."""
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
    """Lists of one shape in every row, as one array with more dimensions."""
    if not all(map(_is_list, cells)):
        raise _Inexpressible("holds lists beside single values")
    rows = [_array(cell) for cell in cells]
    if len({row.shape for row in rows}) > 1:
        raise _Inexpressible("holds lists of different lengths")
    if len({row.dtype == object for row in rows if row.size}) > 1:
        raise _Inexpressible("holds lists of different types")
    stack = np.ma.stack if any(isinstance(row, np.ma.MaskedArray) for row in rows) else np.stack
    return stack(rows)


def _is_missing(cell: Any) -> bool:
    """None, NaN, NaT, and pandas' NA."""
    if isinstance(cell, float | np.floating):
        return math.isnan(cell)
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    return cell is None or type(cell).__name__ in {"NAType", "NaTType", "MaskedConstant"}


def _of_present(cells: list[Any]) -> Any:
    """Single values, none of them missing, all of one kind."""
    kinds = {_kind_of(cell_type) for cell_type in set(map(type, cells))}
    if kinds == {"boolean"}:
        return np.array(cells, dtype=bool)
    if kinds == {"whole number"}:
        return _integers(cells)
    if kinds in ({"number"}, {"number", "whole number"}):
        return _floats(cells)
    if len(kinds) > 1:
        raise _Inexpressible(f"mixes values of the kinds {' and '.join(sorted(kinds))}")
    texts = np.empty(len(cells), dtype=object)
    texts[:] = [_text(cell) for cell in cells]
    return texts


def _kind_of(cell_type: type) -> str:
    """What a type counts as; values of several kinds have no common type.

    Raises:
        _Inexpressible: It is of none.
    """
    for kind, types in _KINDS.items():
        if issubclass(cell_type, types):
            return kind
    raise _Inexpressible(f"holds a value of type {cell_type.__name__}")


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
"""In this order: a bool is an int, a datetime is a date, and to numpy a duration is an integer."""


def _integers(cells: list[Any]) -> Any:
    """The narrowest of the protocol's 64-bit types that holds them all."""
    for dtype in (np.int64, np.uint64):
        limits = np.iinfo(dtype)
        if limits.min <= min(cells) and max(cells) <= limits.max:
            return np.array(cells, dtype=dtype)
    raise _Inexpressible("holds whole numbers of more than 64 bits")


def _floats(cells: list[Any]) -> Any:
    """Numbers as doubles; refused where a whole number would lose digits."""
    array = np.array(cells, dtype=np.float64)
    if any(isinstance(cell, int) and int(number) != cell for cell, number in zip(cells, array, strict=True)):
        raise _Inexpressible("mixes fractions with whole numbers that a double cannot hold")
    return array


def _text(cell: Any) -> Any:
    """The one exact text of a value; bytes stay bytes."""
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
        raise _Inexpressible("holds an object that JSON cannot express") from failure


def tensor_entry(tensor: Tensor) -> dict[str, Any]:
    """A tensor as an element of `outputs`, without its data."""
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.array.shape)}


def tensor_data(tensor: Tensor) -> list[Any]:
    """A tensor's values as JSON has them, flat in row order; missing ones as null.

    Raises:
        ModelFailed: There is an infinity among them.
    """
    array = tensor.array
    if array.dtype == object:
        return [
            base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else value
            for value in array.ravel()
        ]
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        if np.isinf(array).any():
            raise ModelFailed(
                f"The model's output '{tensor.name}' holds an infinity, for which JSON has no number; "
                "ask for it as binary data."
            )
        array = np.ma.masked_invalid(array)
    data: list[Any] = array.ravel().tolist()
    return data


def tensor_bytes(tensor: Tensor) -> bytes:
    """A tensor's values for the binary extension.

    Raises:
        ModelFailed: A value is missing, or is a text that UTF-8 cannot hold.
    """
    array = tensor.array
    if isinstance(array, np.ma.MaskedArray):
        array = _unmasked(tensor)
    if array.dtype != object:
        little = array.dtype.newbyteorder("<")
        packed: bytes = np.ascontiguousarray(array, dtype=little).tobytes()
        return packed
    pieces = [_piece(tensor, value) for value in array.ravel()]
    return b"".join(struct.pack("<I", len(piece)) + piece for piece in pieces)


def _unmasked(tensor: Tensor) -> Any:
    """NaN for what is missing."""
    if tensor.array.dtype.kind == "f" or not np.ma.getmaskarray(tensor.array).any():
        return tensor.array.filled(np.nan) if tensor.array.dtype.kind == "f" else tensor.array.data
    raise _without_null(tensor)


def _piece(tensor: Tensor, value: Any) -> bytes:
    if value is None:
        raise _without_null(tensor)
    try:
        return value if isinstance(value, bytes) else value.encode()
    except UnicodeEncodeError as failure:
        raise ModelFailed(
            f"The model's output '{tensor.name}' holds a text that UTF-8 cannot express (a lone surrogate)."
        ) from failure


def _without_null(tensor: Tensor) -> ModelFailed:
    return ModelFailed(
        f"The model's output '{tensor.name}' lacks a value, for which binary data has no form; "
        "ask for it as JSON."
    )
