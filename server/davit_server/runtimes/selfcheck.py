"""Checks that a faster way of predicting gives the answers of the plain one."""

import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from davit_server.runtimes.base import Joined, Signature
from davit_server.runtimes.pyfunc import PyfuncModel
from davit_server.runtimes.rows import NUMPY_TYPES, Rows
from davit_server.runtimes.sklearn import random_rows

_SIZES = (1, 3, 1, 7, 20)
"""Rows of the requests that are joined in a check: unequal, so that a shifted answer shows."""


def sample_parts(model: PyfuncModel, joined: Joined) -> list[Rows]:
    """Requests to check with: the input example's rows, and rows near them that are all different.

    Empty when neither example nor signature gives any rows that differ.
    """
    example = _example_part(model, joined)
    signature = model.signature
    if signature.tensors or len({spec.kind for spec in signature.inputs}) == 1:
        matrices = _matrix_parts(signature, example)
        if matrices:
            return matrices + ([example] if example else [])
    rows = _vary(signature, list(example[0]) if example else [])
    parts: list[Rows] = []
    for at, size in enumerate(_SIZES):
        chosen = [rows[(at * 5 + step) % len(rows)] for step in range(size)]
        parts.append((chosen, size))
    return parts


def _example_part(model: PyfuncModel, joined: Joined) -> Rows | None:
    """The model's own input example, if it is a plain request."""
    example = model.example()
    if example is None:
        return None
    try:
        document = json.loads(example.body)
        part = joined.read(document) if isinstance(document, dict) else None
    except ValueError:
        return None
    return part


def _matrix_parts(signature: Signature, example: Rows | None) -> list[Rows]:
    """Random matrices, for signatures of one number type."""
    spec = signature.inputs[0]
    dtype = spec.dtype if spec.kind == "tensor" else NUMPY_TYPES.get(spec.kind, "")
    if dtype not in {"float64", "int64"}:
        return []
    shape = spec.shape[1:] if spec.kind == "tensor" else (len(signature.inputs),)
    width = int(np.prod(shape))
    like = np.asarray(example[0]).reshape(-1, width) if example else None
    matrix = random_rows(width, sum(_SIZES), dtype, like).reshape(-1, *shape)
    ends = np.cumsum(_SIZES)
    return [(matrix[end - size : end], size) for end, size in zip(ends, _SIZES, strict=True)]


def _vary(signature: Signature, rows: list[Any]) -> list[list[Any]]:
    """The example's rows and variations of them, as Python values."""
    fallback = {"string": "a", "boolean": True, "datetime": "2024-01-31T12:00:00"}
    base = [list(row) for row in rows[:16]] or [[fallback.get(spec.kind, 1) for spec in signature.inputs]]
    varied = list(base)
    for factor in (2, 3, 5):
        for row in base:
            varied.append(
                [
                    _shifted(value, spec.kind, factor)
                    for value, spec in zip(row, signature.inputs, strict=True)
                ]
            )
    return varied


def _shifted(value: Any, kind: str, factor: int) -> Any:
    """Another value of the same type; strings stay, since a model may know only some."""
    if kind in {"double", "float"}:
        return float(value) * factor + 0.5
    if kind in {"long", "integer"}:
        return int(value) + factor
    if kind == "boolean":
        return bool(value) != (factor % 2 == 0)
    if kind == "datetime":
        return f"{value[:8]}{factor:02d}{value[10:]}"
    return value


def differs_by_row(joined: Joined, parts: Sequence[Rows]) -> str:
    """Why requests must not share a call; empty when the sample shows that they may.

    A row's answer must not depend on the rows beside it: predicting the parts together gives exactly what
    predicting them one by one gives (floating-point numbers to 1e-9, as matrix routines differ by size).
    """
    together = joined.predict(parts)
    alone = [joined.predict([part])[0] for part in parts]
    if not all(_same(left, right, exact=False) for left, right in zip(together, alone, strict=True)):
        return "the model's answer to a row depends on the rows beside it"
    again = joined.predict([parts[0]])[0]
    return (
        "" if _same(alone[0], again, exact=False) else "the model answers the same row differently each time"
    )


def differs_from(reference: Joined, candidate: Joined, parts: Sequence[Rows]) -> str:
    """Why a candidate may not stand in for the reference; empty when all answers are identical."""
    for part in parts:
        left, right = reference.predict([part])[0], candidate.predict([part])[0]
        if not _same(left, right, exact=True):
            return "its answers differ from those of pyfunc"
    return ""


def _same(left: Any, right: Any, *, exact: bool) -> bool:
    """Whether two predictions are equal in type, shape and value."""
    if type(left) is not type(right):
        return False
    if hasattr(left, "iloc"):
        if getattr(left, "columns", None) is not None and list(left.columns) != list(right.columns):
            return False
        left, right = left.to_numpy(), right.to_numpy()
    if isinstance(left, list):
        return len(left) == len(right) and all(
            _same_value(one, other) for one, other in zip(left, right, strict=True)
        )
    if left.shape != right.shape or left.dtype != right.dtype:
        return False
    if left.dtype.kind != "f":
        return bool(np.array_equal(left, right))
    if exact:
        return bool(np.array_equal(left, right, equal_nan=True))
    return bool(np.allclose(left, right, rtol=1e-9, atol=1e-12, equal_nan=True))


def _same_value(left: Any, right: Any) -> bool:
    """Equality of two list entries, which may be arrays."""
    return bool(np.all(left == right))


def measure_cost(joined: Joined, part: Rows) -> tuple[float, float]:
    """Seconds a call takes at all, and seconds each row adds; best of a few tries."""
    row = (part[0][:1], 1)
    many = 64
    one = min(_seconds(joined, [row]) for _ in range(5))
    joint = min(_seconds(joined, [row] * many) for _ in range(3))
    per_row = max(0.0, (joint - one) / (many - 1))
    return one, per_row


def _seconds(joined: Joined, parts: Sequence[Rows]) -> float:
    """Time of one call."""
    started = time.perf_counter()
    joined.predict(parts)
    return time.perf_counter() - started
