"""Check that a faster predictor gives the answers of the plain one, and that rows do not affect each other.

These checks can only object. Independence of rows is known or declared
(`davit_server.flavors.independence`), never concluded from a sample.
"""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.rows import Rows

Tolerance = tuple[float, float]
"""The (relative, absolute) tolerance for floating-point numbers."""

EXACT: Tolerance = (0.0, 0.0)
ROUNDING: Tolerance = (1e-9, 1e-12)
"""Matrix routines sum in another order when there are more rows."""
ROUNDING_SINGLE: Tolerance = (1e-4, 1e-6)
"""The same for numbers of four bytes and less."""


def differs_by_row(
    predictor: BatchPredictor, parts: Sequence[Rows], largest: int, until: float, *, exact: bool
) -> str:
    """Return why requests must not share a call; empty without an objection.

    A row's answer must not depend on the other rows of a call, so each part is predicted alone, and then with
    others: repeated, in several orders, beside equal rows, and in a call of the largest size.

    Args:
        predictor: The predictor to check.
        parts: Requests to predict.
        largest: Rows of the largest shared call.
        until: When to stop, on the clock of `time.perf_counter`; differences found until then count.
        exact: Whether floating-point numbers must be identical to the last bit; else `ROUNDING` is allowed.
    """
    alone = []
    for part in parts:
        alone.append(predictor.predict([part])[0])
        if time.perf_counter() > until:
            break
    if not _alike(predictor.predict([parts[0]])[0], alone[0], exact=exact):
        return "the model answers the same row differently each time"
    for places in _arrangements([count for _, count in parts[: len(alone)]], largest):
        together = predictor.predict([parts[at] for at in places])
        pairs = [(answer, alone[at]) for answer, at in zip(together, places, strict=True)]
        if not all(_alike(*pair, exact=False) for pair in pairs):
            return "the model's answer to a row depends on the rows beside it"
        if exact and not all(_alike(*pair, exact=True) for pair in pairs):
            return "the last digits of an answer would depend on the rows beside it"
        if time.perf_counter() > until:
            break
    return ""


def _arrangements(counts: Sequence[int], largest: int) -> Iterator[list[int]]:
    """Yield calls to make, as positions in a list of parts: the largest first, since time may run out."""
    source = random.Random(5)  # noqa: S311  the same calls at every start
    places = list(range(len(counts)))
    yield _filled(places, counts, largest, source)
    yield places
    yield places[::-1]
    yield [at for at in places for _ in range(2)]
    shuffled = list(places)
    source.shuffle(shuffled)
    yield shuffled
    for at in places[:4]:
        yield [at] * max(2, min(64, largest // counts[at]))
    ones = [at for at in places if counts[at] == 1] or places
    yield _filled(ones, counts, largest, source)


def _filled(places: Sequence[int], counts: Sequence[int], largest: int, source: random.Random) -> list[int]:
    """Return random places until their parts have as many rows as the largest call."""
    chosen: list[int] = []
    rows = 0
    while True:
        at = source.choice(places)
        rows += counts[at]
        if chosen and rows > largest:
            return chosen
        chosen.append(at)


def _alike(left: Any, right: Any, *, exact: bool) -> bool:
    """Return whether two answers are identical, or equal up to rounding."""
    if exact:
        return _same(left, right, EXACT)
    return _same(left, right, ROUNDING_SINGLE if _narrow(left) else ROUNDING)


def _narrow(values: Any) -> bool:
    """Return whether an answer holds floating-point numbers of less than eight bytes."""
    found = (
        list(values.dtypes) if hasattr(values, "columns") else [getattr(values, "dtype", np.dtype(object))]
    )
    return any(dtype.kind == "f" and dtype.itemsize < np.dtype(float).itemsize for dtype in found)


def differs_from(
    reference: BatchPredictor, candidate: BatchPredictor, parts: Sequence[Rows], tolerance: float = 0.0
) -> str:
    """Return why a candidate may not replace the reference; empty when the answers agree.

    Args:
        reference: The predictor with the right answers.
        candidate: The predictor to check.
        parts: Requests to compare on.
        tolerance: Relative tolerance for floating-point numbers. Everything else (labels, whole numbers,
            types, shapes) must always be identical.
    """
    for part in parts:
        left, right = reference.predict([part])[0], candidate.predict([part])[0]
        if not _same(left, right, (tolerance, 0.0)):
            beyond = f" by more than the relative tolerance {tolerance:g}" if tolerance else ""
            return f"its answers differ from those of pyfunc{beyond}"
    return ""


def _same(left: Any, right: Any, tolerance: Tolerance) -> bool:
    """Return whether two predictions are equal in type, shape and value."""
    if type(left) is not type(right):
        return False
    if not hasattr(left, "iloc") and not isinstance(left, list | np.ndarray):
        return bool(left == right)
    if hasattr(left, "columns"):
        return list(left.columns) == list(right.columns) and all(
            _same(left.iloc[:, at], right.iloc[:, at], tolerance) for at in range(len(left.columns))
        )
    if hasattr(left, "iloc"):
        left, right = left.to_numpy(), right.to_numpy()
    if isinstance(left, list):
        return len(left) == len(right) and all(
            _same_value(one, other, tolerance) for one, other in zip(left, right, strict=True)
        )
    return left.shape == right.shape and left.dtype == right.dtype and _same_array(left, right, tolerance)


def _same_array(left: Any, right: Any, tolerance: Tolerance) -> bool:
    """Return whether arrays of one shape and type are equal."""
    if left.dtype.kind != "f":
        return bool(np.array_equal(left, right))
    if tolerance == EXACT:
        return bool(np.array_equal(left, right, equal_nan=True))
    relative, absolute = tolerance
    return bool(np.allclose(right, left, rtol=relative, atol=absolute, equal_nan=True))


def _same_value(left: Any, right: Any, tolerance: Tolerance) -> bool:
    """Return whether two list entries, which may be arrays or numbers, are equal."""
    if isinstance(left, list | np.ndarray) or hasattr(left, "iloc"):
        return _same(left, right, tolerance)
    if isinstance(left, float) and isinstance(right, float):
        return _same_array(np.asarray(left), np.asarray(right), tolerance)
    return bool(np.all(left == right))


def measure_cost(predictor: BatchPredictor, part: Rows) -> tuple[float, float]:
    """Return the fixed seconds of a call, and those that each row adds; best of a few measurements."""
    rows = part[0][:1]
    many = 64
    joint = np.repeat(rows, many, axis=0) if isinstance(rows, np.ndarray) else list(rows) * many
    one = min(_seconds(predictor, (rows, 1)) for _ in range(5))
    whole = min(_seconds(predictor, (joint, many)) for _ in range(3))
    return one, max(0.0, (whole - one) / (many - 1))


def _seconds(predictor: BatchPredictor, part: Rows) -> float:
    """Return the time of one call."""
    started = time.perf_counter()
    predictor.predict([part])
    return time.perf_counter() - started
