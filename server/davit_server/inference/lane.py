"""A thread to predict in, that can be left behind when a prediction hangs."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any


class Lane:
    """A thread that runs one job at a time and can be left behind."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None]
        self._jobs = queue.SimpleQueue()
        # A daemon: a hung prediction must not keep the process from exiting.
        self._thread = threading.Thread(target=self._work, name="predict", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def run(self, job: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run a job that does not raise; its result goes to `done` in the event loop."""
        self._jobs.put((job, done))

    def leave(self) -> None:
        """End the thread after the job it runs now."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, done = item
            result = job()
            try:
                self._loop.call_soon_threadsafe(done, result)
            except RuntimeError:
                return  # the event loop closed while the job ran: the process is ending
