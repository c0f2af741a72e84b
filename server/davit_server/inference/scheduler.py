"""Send each request to the model: in a shared call, or in a call of its own."""

import asyncio
import time
from collections import deque
from typing import Any

from davit_server.inference.batching import Batcher
from davit_server.inference.calls import Call
from davit_server.inference.concurrency import Concurrency, available_processors
from davit_server.inference.plan import Plan
from davit_server.inference.predict_threads import PredictThreads, expire_calls
from davit_server.inference.side_by_side import SideBySide
from davit_server.runtimes.base import PredictionRequest
from davit_server.telemetry.metrics import WorkerMetrics


class Scheduler:
    """Send requests to the model and enforce their deadlines.

    A call that exceeds the deadline of all its requests is abandoned with its thread, and a new thread
    continues: a hung prediction affects only its own requests.

    Args:
        plan: How the model is called.
        metrics: Counts batches and waiting times.
        loop: The event loop all methods are called in.
    """

    def __init__(self, plan: Plan, metrics: WorkerMetrics, loop: asyncio.AbstractEventLoop) -> None:
        self._metrics = metrics
        self._loop = loop
        self._threads = PredictThreads(loop, metrics, self._watch)
        self._concurrency = Concurrency(plan.concurrency, available_processors())
        self._batcher = Batcher(plan, metrics, loop, self._threads)
        self._side_by_side = SideBySide(plan, metrics, loop, self._threads, self._concurrency)
        self._batches = plan.batching or plan.trusted
        self._exclusive = plan.concurrency == 1
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def depth(self) -> int:
        """How many requests wait."""
        return len(self._batcher.waiting) + len(self._side_by_side.waiting)

    @property
    def hung(self) -> bool:
        """Whether so many abandoned calls still run that only a restart helps."""
        return self._threads.hung(self._concurrency.level)

    def submit(self, request: PredictionRequest, deadline: float) -> "asyncio.Future[Any]":
        """Return a future that gets the answer or a `RequestError` as its result.

        Args:
            request: The request.
            deadline: The time by which it must be answered, on the clock of `time.perf_counter`.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        call = Call(request, future, deadline)
        # The batcher runs one call at a time, which is also what a model that is not thread-safe needs.
        if self._exclusive or (self._batches and request.batch_input is not None):
            self._batcher.submit(call)
        else:
            self._side_by_side.submit(call)
        if self._threads.running:
            self._watch()
        return future

    def _watch(self) -> None:
        """Set an alarm for the next deadline, if there is none."""
        if self._alarm is None:
            self._set_alarm()

    def _open_calls(self) -> list[Call]:
        running = [call for running in self._threads.running for call in running.calls]
        return [call for call in (*running, *self._batcher.waiting, *self._side_by_side.waiting) if call.open]

    def _set_alarm(self) -> None:
        """Wake up at the earliest deadline."""
        if calls := self._open_calls():
            left = min(call.deadline for call in calls) - time.perf_counter()
            self._alarm = self._loop.call_later(max(left, 0.001), self._expire)

    def _expire(self) -> None:
        """Answer requests whose deadline has passed, and abandon calls without an unanswered request."""
        self._alarm = None
        now = time.perf_counter()
        for queue in (self._batcher, self._side_by_side):
            expire_calls(queue.waiting, now)
            left = deque(call for call in queue.waiting if call.open)
            self._metrics.queue_depth.add(len(left) - len(queue.waiting))
            queue.waiting = left
        for abandoned in self._threads.expire(now):
            self._batcher.release(abandoned)
            self._side_by_side.release(abandoned)
        self._set_alarm()

    def close(self) -> None:
        """Stop the threads and the alarm."""
        self._threads.close()
        if self._alarm is not None:
            self._alarm.cancel()
