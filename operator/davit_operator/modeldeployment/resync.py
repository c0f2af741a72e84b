"""The resync: queue the ModelDeployments whose reference resolves to something new."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from davit_registry.resolved import ResolvedModel
from davit_resource.objects import Object
from davit_resource.v1alpha1 import Resource, parse_resource

from davit_operator.domain.errors import DavitError
from davit_operator.domain.ports import Clock
from davit_operator.engine.queue import WorkQueue
from davit_operator.modeldeployment.settled import is_settled
from davit_operator.modeldeployment.spec import read_spec
from davit_operator.models.delivery import follows
from davit_operator.models.lookups import Lookups
from davit_operator.models.pinning import Pinner

FULL_RESYNC_INTERVAL = timedelta(minutes=10)
"""How often every ModelDeployment is queued, settled or not: repairs drift whose event was lost."""

_MAX_CONCURRENT_LOOKUPS = 16


class Resync:
    """Finds the ModelDeployments that need a reconciliation.

    Args:
        pinner: Resolves references.
        lookups: Cache of lookups; the resync drops its old entries.
        queue: Receives the ModelDeployments to reconcile.
        clock: Current time.
    """

    def __init__(
        self,
        pinner: Pinner,
        lookups: Lookups,
        queue: WorkQueue,
        clock: Clock,
    ) -> None:
        self._pinner = pinner
        self._lookups = lookups
        self._queue = queue
        self._clock = clock
        self._last_full: datetime | None = None

    async def run(self, bodies: Sequence[Object], models: Collection[str] | None = None) -> None:
        """Queue the ModelDeployments that are not settled; in a regular resync sometimes all of them.

        Args:
            bodies: All ModelDeployments.
            models: Registered models that have changed; None in a regular resync.
        """
        resources = [parse_resource(body) for body in bodies]
        if models is not None:
            followers = [resource for resource in resources if follows(resource, models)]
            await self._enqueue(followers, full=False)
            return
        await self._enqueue(resources, full=self._is_full_due())
        self._lookups.forget_old()

    async def _enqueue(self, resources: Sequence[Resource], *, full: bool) -> None:
        started = self._clock.now()
        semaphore = asyncio.Semaphore(_MAX_CONCURRENT_LOOKUPS)
        settled = await asyncio.gather(*(self._is_settled(one, started, semaphore) for one in resources))
        for resource, is_settled_now in zip(resources, settled, strict=True):
            if full or not is_settled_now:
                self._queue.add(resource.ref)

    async def _is_settled(self, resource: Resource, started: datetime, semaphore: asyncio.Semaphore) -> bool:
        async with semaphore:
            return is_settled(resource, await self._outcome(resource, started))

    async def _outcome(self, resource: Resource, started: datetime) -> ResolvedModel | DavitError | None:
        try:
            spec = read_spec(resource)
            if spec.suspend:
                return None
            return await self._pinner.resolve(resource.ref.namespace, spec.model, since=started)
        except DavitError as problem:
            return problem

    def _is_full_due(self) -> bool:
        now = self._clock.now()
        due = self._last_full is None or now - self._last_full >= FULL_RESYNC_INTERVAL
        if due:
            self._last_full = now
        return due
