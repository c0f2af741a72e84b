"""Medians with their range, and ratios paired by round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some measurements, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(statistics.median(values), min(values), max(values))


def paired_ratio(base: Sequence[float], other: Sequence[float]) -> Spread:
    """Return base cost divided by other cost, each round compared with itself only.

    Other load that slows the machine for a while slows both; pairing removes that effect.

    Args:
        base: Cost of the base, round by round.
        other: Cost of the other, in the same rounds.
    """
    return Spread.of([left / right for left, right in zip(base, other, strict=True)])


def short(value: float) -> str:
    """Format a number with three significant digits, without an exponent."""
    if value >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def format_spread(spread: Spread) -> str:
    """Format a spread as `median (low–high)`, or as the median alone where rounding hides the range."""
    low, high = short(spread.low), short(spread.high)
    return low if low == high else f"{short(spread.median)} ({low}–{high})"
