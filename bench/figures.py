"""Medians with their spread, and ratios that are paired by round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some measurements, and how far they lie apart."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def paired_ratio(base: Sequence[float], other: Sequence[float]) -> Spread:
    """How many times the base's cost is the other's, each round compared with itself only.

    A neighbour that slows the machine down for a while slows both down; pairing takes that out.

    Args:
        base: Cost of the base, round by round.
        other: Cost of the other, in the same rounds.
    """
    return Spread.of([left / right for left, right in zip(base, other, strict=True)])


def short(value: float) -> str:
    """A number with three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def told(spread: Spread) -> str:
    """`median (low–high)`; just the value when nothing is seen of a spread."""
    low, high = short(spread.low), short(spread.high)
    return low if low == high else f"{short(spread.median)} ({low}–{high})"
