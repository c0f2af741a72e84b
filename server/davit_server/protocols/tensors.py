"""Read Open Inference tensors of requests, as JSON and as raw bytes; `answers` writes predictions."""

import base64
import math
import operator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeGuard

import numpy as np

from davit_server.errors import InvalidInput
from davit_server.formats.limits import TableLimits

DATATYPES: dict[str, str] = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
"""The protocol's datatypes as numpy names them."""

MAX_DIMENSIONS = 32
"""More than any model uses; each may be a list around every value."""
MAX_SIZE = 2**31
"""The data of larger dimensions does not fit into a body."""

_NAMES = {np.dtype(numpy): name for name, numpy in DATATYPES.items()}

MLFLOW_DATATYPES = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
}
"""The protocol's datatypes of MLflow's column types; all others are sent as BYTES."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One named array of an answer or a request."""

    name: str
    array: Any

    @property
    def datatype(self) -> str:
        """The protocol's name of the element type."""
        return _NAMES.get(self.array.dtype, "BYTES")


def has_datatype(dtype: Any) -> bool:
    """Return whether the protocol has numpy's type, other than as BYTES."""
    return dtype in _NAMES and dtype.kind != "O"


def datatype_of(dtype: str) -> str:
    """Return the protocol's name for one of numpy's; BYTES for types that it does not have."""
    return _NAMES.get(np.dtype(dtype), "BYTES")


def read_tensor(entry: Any, raw: bytes | None) -> Tensor:
    """Read one element of a request's `inputs`.

    Args:
        entry: The JSON object.
        raw: Its bytes, when it uses the binary extension.

    Raises:
        InvalidInput: Name, datatype, shape and data do not fit together.
    """
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise InvalidInput("Each of 'inputs' must be an object with name, shape, datatype and data.")
    datatype, shape = entry.get("datatype"), entry.get("shape")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise InvalidInput(f"The datatype of an input must be one of {', '.join(DATATYPES)}.")
    if not _is_shape(shape):
        raise InvalidInput(
            f"The shape of an input must be a list of at most {MAX_DIMENSIONS} sizes, none of them negative."
        )
    values = _from_bytes(raw, datatype) if raw is not None else _from_json(entry.get("data"), datatype)
    if values.size != math.prod(shape):
        raise InvalidInput("The number of values of an input does not match its shape.")
    return Tensor(entry["name"], values.reshape(shape))


def _is_shape(shape: Any) -> TypeGuard[list[int]]:
    return (
        isinstance(shape, list)
        and len(shape) <= MAX_DIMENSIONS
        and all(type(size) is int and 0 <= size <= MAX_SIZE for size in shape)
    )


def check_shapes(entries: list[Any], limits: TableLimits) -> None:
    """Refuse tensors that are too large by their own shapes, before any of their data is read.

    Values and the lists around them are counted: a shape with a 0 has no values, and one with many 1s has
    more lists than values.

    Raises:
        TooLarge: A tensor has too many rows, or all together too many values and lists.
    """
    cells = 0
    for entry in entries:
        shape = entry.get("shape") if isinstance(entry, dict) else None
        if _is_shape(shape) and shape:
            limits.check_rows(shape[0])
            cells += sum(accumulate((max(size, 1) for size in shape), operator.mul))
            limits.check_cells(cells)


def _from_json(data: Any, datatype: str) -> Any:
    """Return values from flat or nested lists."""
    if not isinstance(data, list):
        raise InvalidInput("The data of an input must be a list.")
    flat = _flattened(data)
    types = set(map(type, flat))
    if datatype == "BYTES":
        if not types <= {str, type(None)}:
            raise InvalidInput("The data of a BYTES input must be strings.")
        values = np.empty(len(flat), dtype=object)
        values[:] = flat
        return values
    allowed = {bool} if datatype == "BOOL" else {int, float} if datatype.startswith("FP") else {int}
    if not types <= allowed:
        raise InvalidInput(
            f"The data of a {datatype} input must be {'booleans' if datatype == 'BOOL' else 'numbers'}."
        )
    try:
        return np.array(flat, dtype=DATATYPES[datatype])
    except (OverflowError, ValueError) as failure:
        raise InvalidInput(f"A value of a {datatype} input is out of range.") from failure


def _flattened(data: list[Any]) -> list[Any]:
    """Return the values of nested lists, row by row; each is visited once, at any depth."""
    if list not in set(map(type, data)):
        return data
    flat: list[Any] = []
    waiting = [iter(data)]
    while waiting:
        for value in waiting[-1]:
            if isinstance(value, list):
                waiting.append(iter(value))
                break
            flat.append(value)
        else:
            waiting.pop()
    return flat


def _from_bytes(raw: bytes, datatype: str) -> Any:
    """Return values from the binary extension: little-endian numbers, or length-prefixed strings."""
    if datatype != "BYTES":
        dtype = np.dtype(DATATYPES[datatype]).newbyteorder("<")
        if len(raw) % dtype.itemsize:
            raise InvalidInput(f"The bytes of a {datatype} input are not a whole number of values.")
        return np.frombuffer(raw, dtype=dtype).astype(DATATYPES[datatype])
    found: list[bytes] = []
    at = 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "little")
        piece = raw[at + 4 : at + 4 + size]
        if len(raw) - at < 4 or len(piece) != size:
            raise InvalidInput("The bytes of a BYTES input end in the middle of a value.")
        found.append(piece)
        at += 4 + size
    values = np.empty(len(found), dtype=object)
    values[:] = found
    return values


def plain_values(tensor: Tensor) -> list[Any]:
    """Return a tensor as nested JSON lists; raw strings as text, or as base64 where they are not UTF-8."""
    if tensor.array.dtype == object:
        flat = np.empty(tensor.array.size, dtype=object)
        flat[:] = [_text(value) for value in tensor.array.ravel()]
        nested: list[Any] = flat.reshape(tensor.array.shape).tolist()
        return nested
    numbers: list[Any] = tensor.array.tolist()
    return numbers


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")
