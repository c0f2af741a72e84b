"""Run requests that share no call: each in a call of its own, several at the same time."""

import asyncio
import time
from collections import deque
from typing import Any

from davit_server.inference.answering import answer_requests
from davit_server.inference.calls import Call
from davit_server.inference.concurrency import Concurrency
from davit_server.inference.plan import Plan
from davit_server.inference.predict_threads import PredictThreads, Running
from davit_server.telemetry.metrics import WorkerMetrics

OBSERVE_SECONDS = 0.01
"""Seconds between measurements of processor use while requests wait."""


class SideBySide:
    """Run waiting requests in threads, first come, first served.

    | requests wait | calls run | what happens |
    |---|---|---|
    | no | any | a request starts at once if the level allows, else it waits |
    | yes | below the level | one more starts |
    | yes | at the level | every `OBSERVE_SECONDS` the level follows the processor |

    Args:
        plan: How the model is called.
        metrics: Counts calls and waiting times.
        loop: The event loop all methods are called in.
        threads: The threads.
        concurrency: How many calls may run at one time.
    """

    def __init__(
        self,
        plan: Plan,
        metrics: WorkerMetrics,
        loop: asyncio.AbstractEventLoop,
        threads: PredictThreads,
        concurrency: Concurrency,
    ) -> None:
        self._plan = plan
        self._metrics = metrics
        self._loop = loop
        self._threads = threads
        self._concurrency = concurrency
        self._running: set[Running] = set()
        self._observed = (0.0, 0.0)
        self._observing: asyncio.TimerHandle | None = None
        self.waiting: deque[Call] = deque()

    def submit(self, call: Call) -> None:
        """Start a request, or queue it."""
        self.waiting.append(call)
        self._metrics.queue_depth.add(1)
        self.start()

    def start(self) -> None:
        """Start as many waiting requests as may run."""
        while self.waiting and len(self._running) < self._concurrency.level:
            self._start(self.waiting.popleft())
        if self.waiting and self._running and self._observing is None:
            self._observe_later()

    def _start(self, call: Call) -> None:
        self._metrics.queue_depth.add(-1)
        self._metrics.queue_seconds.observe(time.perf_counter() - call.submitted)
        running = self._threads.run([call], lambda: answer_requests(self._plan, [call.request]), self._done)
        self._running.add(running)

    def _done(self, running: Running, results: list[Any]) -> None:
        self._metrics.predict_seconds.observe(time.perf_counter() - running.started)
        self._metrics.batch_requests.observe(1)
        call = running.calls[0]
        self._metrics.rows.add(call.request.rows)
        call.answer(results[0])
        self.release(running)

    def release(self, running: Running) -> None:
        """Stop counting a call that is done or abandoned as running, and start waiting requests."""
        self._running.discard(running)
        self.start()

    def _observe_later(self) -> None:
        self._observed = (time.perf_counter(), time.process_time())
        self._observing = self._loop.call_later(OBSERVE_SECONDS, self._observe)

    def _observe(self) -> None:
        """Adapt the level to the processor time used while requests waited."""
        self._observing = None
        started, used = self._observed
        self._concurrency.observe(time.process_time() - used, time.perf_counter() - started)
        self.start()
