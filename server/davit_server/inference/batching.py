"""Batching without a timer: what the event loop has read by now is predicted in one call.

Short calls run in the event loop itself. Longer ones run in a thread while the next batch gathers, so that
they do not delay health probes and new requests.
"""

import asyncio
import time
from collections import deque
from typing import Any

from davit_server.inference.answering import answer_requests
from davit_server.inference.calls import Call
from davit_server.inference.gathering import Gathering
from davit_server.inference.plan import MAX_BATCH_ROWS, Plan
from davit_server.inference.predict_threads import PredictThreads, Running
from davit_server.telemetry.metrics import WorkerMetrics

TIMER_SECONDS = 0.002
"""Longer waits use a timer; shorter ones, which timers cannot measure, check in each turn of the loop."""


class Batcher:
    """Gather requests and call the model with them, one call at a time.

    | state | requests wait | next state when |
    |---|---|---|
    | idle | no | a request arrives: a flush is scheduled for the next turn of the loop |
    | scheduled | yes | the flush starts a call, or expects more requests |
    | gathering | yes | the expected requests have arrived, or the time for them is over: flush |
    | running | any | the call is done or abandoned: idle, or scheduled if requests wait |

    Args:
        plan: How the model is called.
        metrics: Counts batches and waiting times.
        loop: The event loop all methods are called in.
        threads: The threads for longer calls.
    """

    def __init__(
        self, plan: Plan, metrics: WorkerMetrics, loop: asyncio.AbstractEventLoop, threads: PredictThreads
    ) -> None:
        self._plan = plan
        self._metrics = metrics
        self._loop = loop
        self._threads = threads
        self._running: Running | None = None
        self._scheduled = False
        self._gathering = Gathering()
        self._gathered: asyncio.TimerHandle | None = None
        self.waiting: deque[Call] = deque()

    def submit(self, call: Call) -> None:
        """Add a request to the next call."""
        self.waiting.append(call)
        self._metrics.queue_depth.add(1)
        if not self._scheduled and self._running is None:
            self._schedule()
        elif self._gathered is not None and len(self.waiting) >= self._gathering.expected:
            self._gathered.cancel()
            self._gathered = None
            self._loop.call_soon(self._flush)

    def start(self) -> None:
        """Schedule a call for waiting requests, if there are any and no call runs."""
        if self.waiting and not self._scheduled and self._running is None:
            self._schedule()

    def _schedule(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Start the next batch, unless one runs or more requests are expected."""
        self._gathered = None
        ready = self.waiting and self._running is None
        if ready and self._wait_for_more():
            return
        self._scheduled = False
        if not ready:
            return
        batch = self._take()
        self._gathering.call_started()
        self._metrics.queue_depth.add(-len(batch))
        requests = [call.request for call in batch]
        started = time.perf_counter()
        for call in batch:
            self._metrics.queue_seconds.observe(started - call.submitted)
        if requests[0].batch_input is not None and self._plan.inline(
            sum(request.rows for request in requests)
        ):
            self._deliver(batch, started, answer_requests(self._plan, requests))
        else:
            self._running = self._threads.run(
                batch, lambda: answer_requests(self._plan, requests), self._done
            )

    def _wait_for_more(self) -> bool:
        """Return whether the next call is delayed."""
        seconds = self._gathering.wait(len(self.waiting), time.perf_counter())
        if seconds is None:
            return False
        if seconds > TIMER_SECONDS:
            self._gathered = self._loop.call_later(seconds, self._flush)
        else:
            self._loop.call_soon(self._flush)
        return True

    def _take(self) -> list[Call]:
        """Take the next batch: the oldest request and those behind it that may share its call."""
        first = self.waiting.popleft()
        key = first.request.batch_key
        if key is None or not self.waiting:
            return [first]
        batch, rest, rows = [first], [], first.request.rows
        while self.waiting:
            call = self.waiting.popleft()
            if call.request.batch_key == key and rows + call.request.rows <= MAX_BATCH_ROWS:
                batch.append(call)
                rows += call.request.rows
            else:
                rest.append(call)
        self.waiting.extend(rest)
        return batch

    def _done(self, running: Running, results: list[Any]) -> None:
        self._running = None
        self._deliver(running.calls, running.started, results)

    def _deliver(self, batch: list[Call], started: float, results: list[Any]) -> None:
        """Record the call, answer its requests, and schedule those that arrived meanwhile."""
        now = time.perf_counter()
        took = now - started
        self._metrics.predict_seconds.observe(took)
        shared = batch[0].request.batch_key is not None
        expected = min(len(batch) + len(self.waiting), MAX_BATCH_ROWS) if shared else 1
        self._gathering.call_ended(expected, took, now)
        self._metrics.batch_requests.observe(len(batch))
        self._metrics.rows.add(sum(call.request.rows for call in batch))
        for call, result in zip(batch, results, strict=True):
            call.answer(result)
        self.start()

    def release(self, running: Running) -> None:
        """Stop tracking an abandoned call, and schedule waiting requests."""
        if running is self._running:
            self._running = None
            self.start()
