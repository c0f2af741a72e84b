"""Threads that call the model, and that can be abandoned when a call hangs."""

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from davit_server.inference.calls import Call
from davit_server.telemetry.metrics import WorkerMetrics

logger = logging.getLogger(__name__)

MAX_HUNG_THREADS = 3
"""With more abandoned calls still running, liveness fails."""


class PredictThread:
    """A thread that runs one job at a time and can be abandoned."""

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

    def stop(self) -> None:
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


@dataclass(slots=True, eq=False)
class Running:
    """One call of the model that runs in a thread, and the requests it answers."""

    calls: list[Call]
    thread: PredictThread
    started: float


class PredictThreads:
    """The threads that predict, as many as calls run at one time.

    Args:
        loop: The event loop all methods are called in.
        metrics: Counts abandoned calls.
        watch: Called when a call has started, so that its deadline is enforced.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, metrics: WorkerMetrics, watch: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._metrics = metrics
        self._watch = watch
        self._idle: list[PredictThread] = []
        self._abandoned: list[PredictThread] = []
        self.running: list[Running] = []

    def hung(self, usual: int) -> bool:
        """Return whether so many abandoned calls still run that only a restart helps.

        Args:
            usual: Number of calls that run at one time without hung ones.
        """
        self._abandoned = [thread for thread in self._abandoned if thread.alive]
        return len(self._abandoned) > MAX_HUNG_THREADS + usual - 1

    def run(
        self, calls: list[Call], job: Callable[[], list[Any]], done: Callable[[Running, list[Any]], None]
    ) -> Running:
        """Run a job in a thread.

        Args:
            calls: The requests it answers.
            job: Returns their answers; does not raise.
            done: Gets the answers in the event loop, unless the call has been abandoned.
        """
        thread = self._idle.pop() if self._idle else PredictThread(self._loop)
        running = Running(calls, thread, time.perf_counter())
        self.running.append(running)

        def finished(results: list[Any]) -> None:
            if running in self.running:
                self.running.remove(running)
                self._idle.append(thread)
                done(running, results)

        thread.run(job, finished)
        self._watch()
        return running

    def expire(self, now: float) -> list[Running]:
        """Answer the requests whose deadline has passed, and abandon calls without an unanswered request.

        Args:
            now: The time, on the clock of `time.perf_counter`.

        Returns:
            The abandoned calls.
        """
        expire_calls((call for running in self.running for call in running.calls), now)
        late = [running for running in self.running if not any(call.open for call in running.calls)]
        for running in late:
            logger.warning("a prediction exceeded its deadline; its thread is abandoned")
            self._metrics.abandoned.add()
            self.running.remove(running)
            running.thread.stop()
            self._abandoned.append(running.thread)
        return late

    def close(self) -> None:
        """Let all threads end after their current job."""
        for thread in (*self._idle, *(running.thread for running in self.running)):
            thread.stop()


def expire_calls(calls: Iterable[Call], now: float) -> None:
    """Answer the requests whose deadline has passed."""
    for call in calls:
        if call.deadline <= now:
            call.expire()
