"""Generate rows to check a model with before its first request: its example, rows near it, colliding rows."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from davit_server.runtimes.base import BatchPredictor, Signature
from davit_server.runtimes.pyfunc import PyfuncModel
from davit_server.runtimes.rows import NUMPY_TYPES, Rows

_SIZES = (1, 3, 1, 7, 20)
"""Rows of the requests that share a call in a check: unequal, so that shifted answers are found."""
_COLLIDING = 12
"""Number of one-row requests with few distinct values, so that rows share keys."""


def sample_parts(model: PyfuncModel, predictor: BatchPredictor, *, library: bool) -> list[Rows]:
    """Return requests to check with: the input example, rows near it, and for libraries random rows.

    An author's own code gets only rows near its example: its behavior on other rows is unknown.

    Args:
        model: The loaded model.
        predictor: Recognises the example's rows.
        library: Whether the code that predicts is a library's.
    """
    example = _example_part(model, predictor)
    parts = [example] if example else []
    signature = model.signature
    if _number_type(signature):
        if example:
            parts += _matrix_parts(signature, example, near=True)
        if library or not example:
            parts += _matrix_parts(signature, example, near=False)
        return parts
    rows = _vary(signature, list(example[0]) if example else [])
    for at, size in enumerate(_SIZES):
        parts.append(([rows[(at * 5 + step) % len(rows)] for step in range(size)], size))
    return [*parts, *_other_texts(signature, rows), *_midnights(signature, rows[0])]


def _example_part(model: PyfuncModel, predictor: BatchPredictor) -> Rows | None:
    """Return the model's own input example, if it is a plain request."""
    example = model.example()
    if example is None:
        return None
    try:
        document = json.loads(example.body)
        part = predictor.read(document) if isinstance(document, dict) else None
    except ValueError:
        return None
    return part


def _number_type(signature: Signature) -> str:
    """Return the number type that all inputs have, as numpy names it; empty when they differ."""
    spec = signature.inputs[0]
    dtype = spec.dtype if spec.kind == "tensor" else NUMPY_TYPES.get(spec.kind, "")
    same = all(other.kind == spec.kind for other in signature.inputs)
    return dtype if same and dtype in {"float64", "int64"} else ""


def _matrix_parts(signature: Signature, example: Rows | None, *, near: bool) -> list[Rows]:
    """Return random matrices, for signatures of one number type."""
    spec = signature.inputs[0]
    shape = spec.shape[1:] if spec.kind == "tensor" else (len(signature.inputs),)
    width = int(np.prod(shape))
    like = np.asarray(example[0]).reshape(-1, width) if example else None
    matrix = random_rows(width, sum(_SIZES), _number_type(signature), like, near=near).reshape(-1, *shape)
    ends = np.cumsum(_SIZES)
    return [(matrix[end - size : end], size) for end, size in zip(ends, _SIZES, strict=True)]


def random_rows(width: int, count: int, dtype: str, like: Any, *, near: bool) -> Any:
    """Return rows on which to compare two predictors.

    Args:
        width: Number of columns.
        count: Number of rows.
        dtype: numpy's name of the element type.
        like: An array of example rows, if there is one.
        near: Stay within half and one and a half times the example's values.
    """
    source = np.random.default_rng(7)
    if like is None or not np.isfinite(like).all():
        rows = source.normal(size=(count, width)) * 10.0
    else:
        rows = np.asarray(like, dtype=float)[source.integers(0, len(like), count)]
        if near:
            rows = rows * source.uniform(0.5, 1.5, size=(count, width))
        else:
            rows = rows + source.normal(size=(count, width)) * (np.abs(like).mean(axis=0) + 1.0)
    if np.dtype(dtype).kind == "i":
        return np.rint(np.abs(rows)).astype(dtype)
    return rows.astype(dtype)


def _vary(signature: Signature, rows: list[Any]) -> list[list[Any]]:
    """Return the example's rows and variations of them, as Python values."""
    fallback = {"string": "a", "boolean": True, "datetime": "2024-01-31T12:00:00"}
    base = [list(row) for row in rows[:16]] or [[fallback.get(spec.kind, 1) for spec in signature.inputs]]
    varied = list(base)
    for factor in (2, 3, 5):
        for row in base:
            pairs = zip(row, signature.inputs, strict=True)
            varied.append([_shifted(value, spec.kind, factor) for value, spec in pairs])
    return varied


def _other_texts(signature: Signature, rows: list[list[Any]]) -> list[Rows]:
    """Return requests whose texts differ from the example's, in length too; some models refuse those."""
    kinds = [spec.kind for spec in signature.inputs]
    if "string" not in kinds:
        return []
    changes: tuple[Callable[[str], str], ...] = (
        str.upper,
        lambda text: text * 7,
        lambda text: text[:1],
        lambda text: f"{text} {text}é",
    )
    return [
        ([[change(value) if kind == "string" else value for value, kind in zip(row, kinds, strict=True)]], 1)
        for row, change in zip(rows * len(changes), changes, strict=False)
    ]


def _midnights(signature: Signature, row: list[Any]) -> list[Rows]:
    """Return a request of midnights, if there are datetimes: pandas writes such a column without times."""
    kinds = [spec.kind for spec in signature.inputs]
    if "datetime" not in kinds:
        return []
    pairs = zip(row, kinds, strict=True)
    return [([[f"{value[:10]}T00:00:00" if kind == "datetime" else value for value, kind in pairs]], 1)]


def _shifted(value: Any, kind: str, factor: int) -> Any:
    """Return another value of the same type; strings stay, since a model may know only some."""
    if kind in {"double", "float"}:
        return float(value) * factor + 0.5
    if kind in {"long", "integer"}:
        return int(value) + factor
    if kind == "boolean":
        return bool(value) != (factor % 2 == 0)
    if kind == "datetime":
        return f"{value[:8]}{factor:02d}{value[10:]}"
    return value


def colliding_parts(parts: Sequence[Rows]) -> list[Rows]:
    """Make requests of one row whose values repeat those of other rows, column by column.

    Code that groups, ranks or encodes gives other answers when rows with equal keys share a call. So each
    column has at most three of its values in `parts`.
    """
    source = random.Random(11)  # noqa: S311  the same rows at every start
    rows = [row for part, _ in parts for row in part]
    columns = [source.sample(values, min(3, len(values))) for values in zip(*map(_flat, rows), strict=True)]
    made = [[source.choice(values) for values in columns] for _ in range(_COLLIDING)]
    first = parts[0][0]
    if not isinstance(first, np.ndarray):
        return [([row], 1) for row in made]
    return [(np.array([row], dtype=first.dtype).reshape(1, *first.shape[1:]), 1) for row in made]


def _flat(row: Any) -> Any:
    return row.ravel() if isinstance(row, np.ndarray) else row
