"""One request that waits for the model."""

import asyncio
import time
from typing import Any

from davit_server.errors import DeadlineExceeded
from davit_server.runtimes.base import PredictionRequest


class Call:
    """A request that waits for its answer.

    Args:
        request: The decoded request.
        future: Gets the answer, or a `RequestError`, as its result.
        deadline: The time by which it must be answered, on the clock of `time.perf_counter`.
    """

    __slots__ = ("deadline", "future", "request", "submitted")

    def __init__(self, request: PredictionRequest, future: "asyncio.Future[Any]", deadline: float) -> None:
        self.request = request
        self.future = future
        self.submitted = time.perf_counter()
        self.deadline = deadline

    @property
    def open(self) -> bool:
        """Whether it has not been answered yet."""
        return not self.future.done()

    def answer(self, result: Any) -> None:
        """Deliver a result, unless the request has been answered at its deadline."""
        if not self.future.done():
            self.future.set_result(result)

    def expire(self) -> None:
        """Answer that the deadline passed."""
        self.answer(
            DeadlineExceeded(
                "The prediction took longer than a request may take; send fewer rows or try again."
            )
        )
