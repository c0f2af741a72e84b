"""Workers: take keys from the queue, reconcile, and see to the next look whatever happened."""

import asyncio
import logging

from davit_resource.objects import Key

from davit_operator.domain.errors import DavitError
from davit_operator.domain.ports import Metrics
from davit_operator.engine.controller import Controller
from davit_operator.engine.queue import WorkQueue

logger = logging.getLogger(__name__)


class Workers:
    """A few reconciliations at a time.

    Args:
        queue: What wants a look.
        controller: How to look.
        metrics: What is counted.
        count: How many at a time.
    """

    def __init__(self, queue: WorkQueue, controller: Controller, metrics: Metrics, count: int = 8) -> None:
        self._queue = queue
        self._controller = controller
        self._metrics = metrics
        self._count = count

    async def run(self) -> None:
        """Works until cancelled. What was begun is finished by whoever starts next: no step needs undoing."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                await self.look(key)
            finally:
                self._queue.done(key)

    async def look(self, key: Key) -> None:
        """One reconciliation; nothing that goes wrong in it ends the worker."""
        try:
            following = await self._controller.reconcile(key)
        except DavitError as error:
            logger.warning("Reconciliation of %s failed: %s", key, error)
            self._metrics.failed(error.reason)
            self._queue.add_with_back_off(key)
        except Exception:
            logger.exception("Reconciliation of %s met a bug", key)
            self._metrics.failed("InternalError")
            self._queue.add_with_back_off(key)
        else:
            self._follow_up(key, after=following.after, back_off=following.back_off)

    def _follow_up(self, key: Key, *, after: float | None, back_off: bool) -> None:
        if back_off:
            self._queue.add_with_back_off(key)
            return
        self._queue.succeeded(key)
        if after is not None:
            self._queue.add_after(key, after)
