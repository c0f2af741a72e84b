"""How long to go on trying when a registry or store does not answer as it should."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from davit_registry import Unavailable

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Patience:
    """Pauses that double, with chance in them so that pods do not come back all at once.

    With these defaults all tries together last about three quarters of a minute; after that the container
    ends, and Kubernetes starts it again with pauses of its own.

    Attributes:
        tries: How many in a row without any progress.
        first_seconds: The longest that the first pause may be.
        longest_seconds: The longest that any pause may be, what a store asks for included.
    """

    tries: int = 8
    first_seconds: float = 0.5
    longest_seconds: float = 15.0

    def seconds(self, tries: int, asked: float = 0.0) -> float:
        """How long to wait after so many tries in a row, when the store asks for so many seconds."""
        longest = min(self.longest_seconds, self.first_seconds * 2 ** (tries - 1))
        own = random.uniform(longest / 2, longest)  # noqa: S311  spreads pods, hides nothing
        return max(own, min(asked, self.longest_seconds))

    async def insist(self, ask: Callable[[], Awaitable[Result]]) -> Result:
        """The result of a call that is repeated while there is no usable answer.

        Raises:
            Unavailable: There was none in all the tries.
        """
        for tries in range(1, self.tries):
            try:
                return await ask()
            except Unavailable:
                await asyncio.sleep(self.seconds(tries))
        return await ask()
