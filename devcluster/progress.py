"""Prints progress, one line per step, with the seconds since the command started."""

from __future__ import annotations

import sys
import time

_started = time.monotonic()


def step(text: str) -> None:
    """Print one line to standard error; standard output belongs to results (paths, configuration)."""
    print(f"[{elapsed():4.0f} s] {text}", file=sys.stderr, flush=True)


def elapsed() -> float:
    """Return the seconds since the command started."""
    return time.monotonic() - _started
