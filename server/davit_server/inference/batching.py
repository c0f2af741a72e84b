"""Batching without a timer: what the event loop has read by now is predicted in one call.

Short calls run in the event loop itself. Longer ones run in a thread while the next batch gathers, so that
health probes and new requests are never held up. A call that outlives its requests' deadline is abandoned
with its thread, and a fresh thread goes on: one hung prediction costs its sender an answer, nobody else.
"""

import asyncio
import logging
import time
from collections import deque
from typing import Any

from davit_server.errors import DeadlineExceeded
from davit_server.inference.answering import answer_works
from davit_server.inference.gathering import Gathering
from davit_server.inference.lane import Lane
from davit_server.inference.plan import Plan
from davit_server.runtimes.base import Work
from davit_server.telemetry.metrics import WorkerMetrics

logger = logging.getLogger(__name__)

MAX_BATCH_ROWS = 1024
MAX_HUNG_THREADS = 3
"""With more abandoned calls still running the process no longer calls itself alive."""

TIMER_SECONDS = 0.002
"""Longer waits use a timer; shorter ones, which timers cannot measure, look again each turn of the loop."""


class Call:
    """One request on its way through the batcher."""

    __slots__ = ("deadline", "future", "submitted", "work")

    def __init__(self, work: Work, future: "asyncio.Future[Any]", submitted: float, deadline: float) -> None:
        self.work = work
        self.future = future
        self.submitted = submitted
        self.deadline = deadline

    def answer(self, result: Any) -> None:
        """Deliver, unless the deadline was faster."""
        if not self.future.done():
            self.future.set_result(result)


class Batcher:
    """Gathers requests and hands them to the model.

    Args:
        plan: How the model is called.
        metrics: Where batches and waiting times are counted.
        loop: The event loop all methods are called in.
    """

    def __init__(self, plan: Plan, metrics: WorkerMetrics, loop: asyncio.AbstractEventLoop) -> None:
        self._plan = plan
        self._metrics = metrics
        self._loop = loop
        self._waiting: deque[Call] = deque()
        self._running: list[Call] = []
        self._scheduled = False
        self._gathering = Gathering()
        self._gathered: asyncio.TimerHandle | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._lane = Lane(loop)
        self._abandoned: list[Lane] = []

    @property
    def depth(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    @property
    def hung(self) -> bool:
        """Whether so many abandoned calls still run that only a restart helps."""
        self._abandoned = [lane for lane in self._abandoned if lane.alive]
        return len(self._abandoned) > MAX_HUNG_THREADS

    def submit(self, work: Work, deadline: float) -> "asyncio.Future[Any]":
        """A future that gets the answer or a `RequestError` as its result.

        Args:
            work: The request.
            deadline: When it is too late, on the clock of `time.perf_counter`.
        """
        future: asyncio.Future[Any] = self._loop.create_future()
        self._waiting.append(Call(work, future, time.perf_counter(), deadline))
        self._metrics.queue_depth.set(len(self._waiting))
        if not self._scheduled and not self._running:
            self._schedule()
        elif self._gathered is not None and len(self._waiting) >= self._gathering.expected:
            self._gathered.cancel()
            self._gathered = None
            self._loop.call_soon(self._flush)
        elif self._running and self._alarm is None:
            self._set_alarm()
        return future

    def _schedule(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Start the next batch, unless one runs or more requests are about to come."""
        self._gathered = None
        if self._waiting and not self._running and self._wait_for_more():
            return
        self._scheduled = False
        if self._running or not self._waiting:
            return
        batch = self._take()
        self._gathering.begun()
        self._metrics.queue_depth.set(len(self._waiting))
        works = [call.work for call in batch]
        started = time.perf_counter()
        for call in batch:
            self._metrics.queue_seconds.observe(started - call.submitted)
        rows = sum(work.rows for work in works)
        if works[0].part is not None and self._plan.inline(rows):
            self._deliver(batch, started, answer_works(self._plan, works))
        else:
            self._run_in_lane(batch, works, started)

    def _wait_for_more(self) -> bool:
        """Whether the next call is put off."""
        seconds = self._gathering.wait(len(self._waiting), time.perf_counter())
        if seconds is None:
            return False
        if seconds > TIMER_SECONDS:
            self._gathered = self._loop.call_later(seconds, self._flush)
        else:
            self._loop.call_soon(self._flush)
        return True

    def _take(self) -> list[Call]:
        """The next batch: the oldest request and those behind it that may share its call."""
        first = self._waiting.popleft()
        key = first.work.key
        if key is None or not self._waiting:
            return [first]
        batch, rest, rows = [first], [], first.work.rows
        while self._waiting:
            call = self._waiting.popleft()
            if call.work.key == key and rows + call.work.rows <= MAX_BATCH_ROWS:
                batch.append(call)
                rows += call.work.rows
            else:
                rest.append(call)
        self._waiting.extend(rest)
        return batch

    def _run_in_lane(self, batch: list[Call], works: list[Work], started: float) -> None:
        """Predict in the thread; the answers come back through the event loop."""
        lane = self._lane
        self._running = batch

        def done(results: list[Any]) -> None:
            if lane is self._lane:
                self._running = []
                self._deliver(batch, started, results)

        lane.run(lambda: answer_works(self._plan, works), done)
        if self._alarm is None:
            self._set_alarm()

    def _deliver(self, batch: list[Call], started: float, results: list[Any]) -> None:
        """Count the call, answer its requests, and go on with those that came meanwhile."""
        now = time.perf_counter()
        took = now - started
        self._metrics.predict_seconds.observe(took)
        shared = batch[0].work.key is not None
        expected = min(len(batch) + len(self._waiting), MAX_BATCH_ROWS) if shared else 1
        self._gathering.answered(expected, took, now)
        self._metrics.batch_requests.observe(len(batch))
        self._metrics.rows.add(sum(call.work.rows for call in batch))
        for call, result in zip(batch, results, strict=True):
            call.answer(result)
        if self._waiting and not self._scheduled:
            self._schedule()

    def _set_alarm(self) -> None:
        """Wake up at the earliest deadline."""
        calls = [*self._running, *self._waiting]
        if calls:
            left = min(call.deadline for call in calls) - time.perf_counter()
            self._alarm = self._loop.call_later(max(left, 0.001), self._expire)

    def _expire(self) -> None:
        """Answer what is too late, and give up a call nobody waits for any more."""
        self._alarm = None
        now = time.perf_counter()
        for call in (*self._running, *self._waiting):
            if call.deadline <= now:
                call.answer(_too_late())
        self._waiting = deque(call for call in self._waiting if not call.future.done())
        if self._running and all(call.future.done() for call in self._running):
            self._abandon()
        self._set_alarm_if_needed()

    def _set_alarm_if_needed(self) -> None:
        if any(not call.future.done() for call in (*self._running, *self._waiting)):
            self._set_alarm()

    def _abandon(self) -> None:
        """Leave the hung thread behind and go on with a fresh one."""
        logger.warning("a prediction outlived its deadline; its thread is left behind")
        self._metrics.abandoned.add()
        self._lane.leave()
        self._abandoned.append(self._lane)
        self._lane = Lane(self._loop)
        self._running = []
        if self._waiting and not self._scheduled:
            self._schedule()

    def close(self) -> None:
        """Let the thread end."""
        self._lane.leave()
        if self._alarm is not None:
            self._alarm.cancel()


def _too_late() -> DeadlineExceeded:
    return DeadlineExceeded(
        "The prediction took longer than a request may take; send fewer rows or try again."
    )
