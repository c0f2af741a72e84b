"""Convert predictions to Open Inference tensors.

The protocol has booleans, numbers and bytes, all of one type in a tensor of one shape. A prediction is
converted exactly or refused with an explanation: nothing is rounded, shortened or formatted as by Python.

- Texts, and values with one exact text (datetimes and durations in ISO 8601, decimals in digits, objects in
  JSON), are sent as BYTES. Bytes are sent unchanged, in JSON as base64.
- Lists of equal shape in the rows become further dimensions.
- Missing values, NaN included, are null in JSON. Raw bytes have no null: NaN stays NaN, and other missing
  values are refused. Infinities are refused in JSON, which has no number for them.
"""

import base64
import struct
from typing import Any

import numpy as np

from davit_server.errors import ModelFailed
from davit_server.protocols.exact import Inexpressible, exact_array
from davit_server.protocols.tensors import Tensor


def answer_tensors(raw: Any, default: str) -> list[Tensor]:
    """Return a prediction as named tensors with its own shapes and types.

    Args:
        raw: The prediction, as the model returned it.
        default: The name of an unnamed output.

    Raises:
        ModelFailed: The prediction has no exact tensor form.
    """
    outputs = _outputs(raw, default)
    names = [name for name, _ in outputs]
    if len(set(names)) != len(names):
        raise ModelFailed("The model returned two outputs of one name; give each its own.")
    return [Tensor(name, _named_array(name, values)) for name, values in outputs]


def _outputs(raw: Any, default: str) -> list[tuple[str, Any]]:
    """Return the prediction's outputs by name."""
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


def _named_array(name: str, values: Any) -> Any:
    try:
        return exact_array(values)
    except Inexpressible as failure:
        message = f"The model's output '{name}' {failure}, which tensors cannot express"
        raise ModelFailed(f"{message}; /invocations may.") from failure
    except Exception as failure:
        raise ModelFailed(
            f"The model's output '{name}' is a {type(values).__name__} that raised {type(failure).__name__} "
            "when it was read."
        ) from failure


def tensor_entry(tensor: Tensor) -> dict[str, Any]:
    """Return a tensor as an element of `outputs`, without its data."""
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.array.shape)}


def tensor_data(tensor: Tensor) -> list[Any]:
    """Return a tensor's values as JSON has them, flat in row order; missing ones as null.

    Raises:
        ModelFailed: A value is infinite.
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
                "request it as binary data."
            )
        array = np.ma.masked_invalid(array)
    data: list[Any] = array.ravel().tolist()
    return data


def tensor_bytes(tensor: Tensor) -> bytes:
    """Return a tensor's values for the binary extension.

    Raises:
        ModelFailed: A value is missing, or is a text that UTF-8 cannot encode.
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
    """Return the array with NaN for missing values."""
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
        "request it as JSON."
    )
