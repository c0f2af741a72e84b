"""Workers: take resources from the queue, reconcile, and see to the next look whatever happened."""

import asyncio
import logging
from collections.abc import Sequence

from davit_resource.objects import Ref

from davit_operator.domain.errors import DavitError
from davit_operator.domain.ports import Metrics
from davit_operator.engine.controller import Controller
from davit_operator.engine.queue import WorkQueue

logger = logging.getLogger(__name__)


class Workers:
    """A few reconciliations at a time.

    Args:
        queue: What wants a look.
        controllers: How to look, for each kind.
        metrics: What is counted.
        count: How many at a time.
    """

    def __init__(
        self, queue: WorkQueue, controllers: Sequence[Controller], metrics: Metrics, count: int = 8
    ) -> None:
        self._queue = queue
        self._controllers = {one.kind.name: one for one in controllers}
        self._metrics = metrics
        self._count = count

    async def run(self) -> None:
        """Works until cancelled. What was begun is finished by whoever starts next: no step needs undoing."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            ref = await self._queue.get()
            try:
                await self.look(ref)
            finally:
                self._queue.done(ref)

    async def look(self, ref: Ref) -> None:
        """One reconciliation; nothing that goes wrong in it ends the worker."""
        try:
            following = await self._controllers[ref.kind].reconcile(ref)
        except DavitError as error:
            logger.warning("Reconciliation of %s failed: %s", ref, error)
            self._metrics.failed(error.reason)
            self._queue.add_with_back_off(ref)
        except Exception:
            logger.exception("Reconciliation of %s met a bug", ref)
            self._metrics.failed("InternalError")
            self._queue.add_with_back_off(ref)
        else:
            self._follow_up(ref, after=following.after, back_off=following.back_off)

    def _follow_up(self, ref: Ref, *, after: float | None, back_off: bool) -> None:
        if back_off:
            self._queue.add_with_back_off(ref)
            return
        self._queue.succeeded(ref)
        if after is not None:
            self._queue.add_after(ref, after)
