"""Workers take resources from the queue, reconcile them, and queue them again as needed."""

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
    """A pool of concurrent workers.

    Args:
        queue: Resources to reconcile.
        controllers: One controller per kind.
        metrics: Counts failures.
        count: Number of concurrent reconciliations.
    """

    def __init__(
        self, queue: WorkQueue, controllers: Sequence[Controller], metrics: Metrics, count: int = 8
    ) -> None:
        self._queue = queue
        self._controllers = {one.kind.name: one for one in controllers}
        self._metrics = metrics
        self._count = count

    async def run(self) -> None:
        """Process the queue until cancelled; the next start repeats interrupted reconciliations."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            ref = await self._queue.get()
            try:
                await self.reconcile(ref)
            finally:
                self._queue.done(ref)

    async def reconcile(self, ref: Ref) -> None:
        """Reconcile one resource and schedule the next time; log an exception and retry with backoff."""
        try:
            following = await self._controllers[ref.kind].reconcile(ref)
        except DavitError as error:
            logger.warning("Reconciliation of %s failed: %s", ref, error)
            self._metrics.failed(error.reason)
            self._queue.add_with_back_off(ref)
        except Exception:
            logger.exception("Unexpected error in the reconciliation of %s", ref)
            self._metrics.failed("InternalError")
            self._queue.add_with_back_off(ref)
        else:
            self._follow_up(ref, after=following.after, back_off=following.back_off)

    def _follow_up(self, ref: Ref, *, after: float | None, back_off: bool) -> None:
        if back_off:
            self._queue.add_with_back_off(ref)
            return
        self._queue.reset_back_off(ref)
        if after is not None:
            self._queue.add_after(ref, after)
