"""Following aliases: what references name now, and which ModelDeployments differ from that."""

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

FULL_EVERY = timedelta(minutes=10)
"""How often every ModelDeployment gets a look, settled or not: repairs drift whose event was lost."""

_AT_ONCE = 16


class Resync:
    """Finds the ModelDeployments that want a look.

    Args:
        pinner: What references name.
        lookups: Freed of old answers here.
        queue: Takes what differs.
        clock: Time.
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
        """Queues what differs from its reference; in the regular round now and then everything.

        Args:
            bodies: All ModelDeployments.
            models: Registered models that have changed; None in the regular round.
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
        gate = asyncio.Semaphore(_AT_ONCE)
        settled = await asyncio.gather(*(self._is_settled(one, started, gate) for one in resources))
        for resource, fine in zip(resources, settled, strict=True):
            if full or not fine:
                self._queue.add(resource.ref)

    async def _is_settled(self, resource: Resource, started: datetime, gate: asyncio.Semaphore) -> bool:
        async with gate:
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
        due = self._last_full is None or now - self._last_full >= FULL_EVERY
        if due:
            self._last_full = now
        return due
