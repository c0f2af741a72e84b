"""Decide how long the next call waits for the clients that were just answered.

One call for all clients is cheaper than two. Without the wait, clients that send the next request as soon as
they have an answer would split into groups that wait for each other's calls, and stay split.
"""

from typing import Final

GATHER_SHARE: Final = 0.3
"""Fraction of the last call's duration that the next call may wait for clients without a new request."""
GATHER_SECONDS: Final = 0.05
"""Upper limit of that wait: a client that sends its next request at once needs one network round trip."""
READING_SECONDS: Final = 0.005
"""Seconds it may wait while every turn of the event loop reads more requests: no time is idle then."""
REACH: Final = 3.0
"""A request later than REACH × the last call's duration is unrelated load: do not wait."""
WORTH_GATHERING_SECONDS: Final = 0.0005
"""Shorter calls start at once: waiting would cost more than a larger batch saves."""

NEXT_TURN: Final = 0.0
"""A wait until the event loop has read the requests that have arrived by now."""


class Gathering:
    """Decide whether to wait before a call, from the previous call.

    All times are seconds on the clock of `time.perf_counter`.
    """

    def __init__(self) -> None:
        self.expected = 0
        """Batch size at which waiting stops."""
        self._took = 0.0
        self._answered = 0.0
        self._first: float | None = None
        self._seen = 0

    def call_ended(self, requests: int, took: float, now: float) -> None:
        """Record the end of a call.

        Args:
            requests: Number of requests that shared it or waited behind it; 1 if it could not be shared.
            took: Its duration.
            now: The time of its end.
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
            waiting: Number of waiting requests.
            now: The current time.

        Returns:
            Seconds after which to check again, unless the expected requests arrive before; None to start
            the call.
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
