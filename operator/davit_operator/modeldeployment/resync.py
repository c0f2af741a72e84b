"""The one task that follows aliases.

It lists all ModelDeployments, asks what their references name now, and puts those that differ into the
queue. It also repairs what a lost event left behind.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from davit_resource.v1alpha1 import Resource, parse_resource

from davit_operator.domain.errors import DavitError
from davit_operator.domain.pin import Source
from davit_operator.domain.ports import Clock, Cluster
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue
from davit_operator.modeldeployment.settled import is_settled
from davit_operator.modeldeployment.spec import read_spec
from davit_operator.models.delivery import follows
from davit_operator.models.lookups import Lookups
from davit_operator.models.pinning import Pinner

logger = logging.getLogger(__name__)

FULL_EVERY = timedelta(minutes=10)
"""How often every ModelDeployment gets a look, settled or not: repairs drift whose event was lost."""

_AT_ONCE = 16


class Resync:
    """Looks over everything once per interval.

    Args:
        cluster: Where ModelDeployments are listed.
        pinner: What references name.
        lookups: Freed of old answers here.
        queue: Takes what differs.
        liveness: Told that we live, and what was listed.
        clock: Time.
    """

    def __init__(
        self,
        cluster: Cluster,
        pinner: Pinner,
        lookups: Lookups,
        queue: WorkQueue,
        liveness: Liveness,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._pinner = pinner
        self._lookups = lookups
        self._queue = queue
        self._vitals = liveness
        self._clock = clock
        self._last_full: datetime | None = None

    async def run_once(self) -> None:
        """One round. An API server that does not answer is logged; the next round tries again."""
        try:
            bodies = await self._cluster.list_model_deployments()
        except DavitError as error:
            logger.warning("Resync could not list ModelDeployments: %s", error)
            self._vitals.beat(self._clock.now())
            return
        resources = [resource for body in bodies if not (resource := parse_resource(body)).deleting]
        self._vitals.listed(resources, self._clock.now())
        await self._enqueue(resources, full=self._is_full_due())
        self._lookups.forget_old()
        self._vitals.beat(self._clock.now())

    async def run_for(self, models: Collection[str]) -> None:
        """A look at what refers to these registered models; the next round makes up for one that fails."""
        try:
            bodies = await self._cluster.list_model_deployments()
        except DavitError as error:
            logger.warning("A webhook's news could not be followed: %s", error)
            return
        resources = [parse_resource(body) for body in bodies]
        concerned = [one for one in resources if not one.deleting and follows(one, models)]
        await self._enqueue(concerned, full=False)

    async def _enqueue(self, resources: Sequence[Resource], *, full: bool) -> None:
        started = self._clock.now()
        gate = asyncio.Semaphore(_AT_ONCE)
        settled = await asyncio.gather(*(self._is_settled(one, started, gate) for one in resources))
        for resource, fine in zip(resources, settled, strict=True):
            if full or not fine:
                self._queue.add(resource.key)

    async def _is_settled(self, resource: Resource, started: datetime, gate: asyncio.Semaphore) -> bool:
        async with gate:
            return is_settled(resource, await self._outcome(resource, started))

    async def _outcome(self, resource: Resource, started: datetime) -> Source | DavitError | None:
        try:
            spec = read_spec(resource)
            if spec.suspend:
                return None
            return await self._pinner.resolve(resource.key.namespace, spec.model, since=started)
        except DavitError as problem:
            return problem

    def _is_full_due(self) -> bool:
        now = self._clock.now()
        due = self._last_full is None or now - self._last_full >= FULL_EVERY
        if due:
            self._last_full = now
        return due
