"""How long the next call waits for the clients that were just answered.

One call for all is worth more than two. Clients that ask again as soon as they have an answer would else
split into groups that wait for each other's calls, and stay so.
"""

from typing import Final

GATHER_SHARE: Final = 0.3
"""Part of a call's time that the next call may wait for clients that have not come back yet."""
GATHER_SECONDS: Final = 0.05
"""But no longer than this: whoever asks again at once is back after a round trip through the network."""
READING_SECONDS: Final = 0.005
"""How long it may wait while every turn of the event loop reads more requests: no time is idle then."""
REACH: Final = 3.0
"""Who comes later than so many calls' times after an answer comes by chance: nobody is waited for."""
WORTH_GATHERING_SECONDS: Final = 0.0005
"""Shorter calls start at once: waiting would cost more than a larger batch saves."""

NEXT_TURN: Final = 0.0
"""A wait until the event loop has read what is there by now."""


class Gathering:
    """Whether to wait before a call, told by the call before it.

    All times are seconds on the clock of `time.perf_counter`.
    """

    def __init__(self) -> None:
        self.expected = 0
        """With so many requests nobody else is waited for."""
        self._took = 0.0
        self._answered = 0.0
        self._first: float | None = None
        self._seen = 0

    def call_ended(self, requests: int, took: float, now: float) -> None:
        """Record the end of a call.

        Args:
            requests: How many shared it or waited behind it; 1 if it could not be shared.
            took: How long it took.
            now: When that was.
        """
        self.expected = requests if took > WORTH_GATHERING_SECONDS else 0
        self._took = took
        self._answered = now

    def call_started(self) -> None:
        """Record the start of a call: the next request is the first of the next batch."""
        self._first = None
        self._seen = 0

    def wait(self, waiting: int, now: float) -> float | None:
        """Return how long to wait for more requests.

        Args:
            waiting: Requests that are there.
            now: The time.

        Returns:
            Seconds after which to look again, at the latest when nobody is missing; None to begin the call.
        """
        if self.expected <= 1:
            return None
        if self._first is None:
            if now > self._answered + REACH * self._took:
                self.expected = 0
                return None
            self._first = now
        growing = waiting > self._seen
        self._seen = waiting
        passed = now - self._first
        if growing and passed < READING_SECONDS:
            return NEXT_TURN
        left = min(GATHER_SHARE * self._took, GATHER_SECONDS) - passed
        return left if waiting < self.expected and left > 0 else None
