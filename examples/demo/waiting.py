"""Waits for a condition, with a limit and a description for the error message."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class TookTooLong(Exception):
    """The condition did not become true in time."""


def until(
    look: Callable[[], Result | None], what: str, *, seconds: float, every: float = 0.5, hint: object = None
) -> Result:
    """Call `look` every so many seconds until it returns something true, and return that.

    Args:
        look: Returns the result; None, False or empty means not yet.
        what: Completes the message "timed out after N s waiting for …".
        seconds: How long to wait at most.
        every: Seconds between two calls.
        hint: A call for details of the error message, if any.

    Raises:
        TookTooLong: `seconds` have passed.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            more = f": {hint()}" if callable(hint) else ""
            raise TookTooLong(f"timed out after {seconds:.0f} s waiting for {what}{more}")
        time.sleep(every)
    return found
