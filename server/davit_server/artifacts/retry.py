"""Retries while a registry or store gives no usable response."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from davit_registry import Unavailable

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter, so that pods do not come back all at once.

    With these defaults all attempts together last about three quarters of a minute; after that the container
    ends, and Kubernetes starts it again with pauses of its own.

    Attributes:
        attempts: How many in a row without any progress.
        first_seconds: Longest first pause.
        longest_seconds: Longest pause, also where a store's `Retry-After` is longer.
    """

    attempts: int = 8
    first_seconds: float = 0.5
    longest_seconds: float = 15.0

    def pause_seconds(self, attempts: int, retry_after: float = 0.0) -> float:
        """Return how long to wait after so many attempts in a row, given the store's `Retry-After`."""
        longest = min(self.longest_seconds, self.first_seconds * 2 ** (attempts - 1))
        own = random.uniform(longest / 2, longest)  # noqa: S311  spreads pods, hides nothing
        return max(own, min(retry_after, self.longest_seconds))

    async def call(self, request: Callable[[], Awaitable[Result]]) -> Result:
        """Make a request, again while it raises `Unavailable`, and return its result.

        Raises:
            Unavailable: As the last attempt raised it.
        """
        for attempt in range(1, self.attempts):
            try:
                return await request()
            except Unavailable:
                await asyncio.sleep(self.pause_seconds(attempt))
        return await request()
