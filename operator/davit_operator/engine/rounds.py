"""Resyncs of all resources of every kind: they follow aliases and make up for lost events."""

import logging
from collections.abc import Collection, Sequence

from davit_resource.objects import Object

from davit_operator.domain.errors import DavitError
from davit_operator.domain.kinds import Kind
from davit_operator.domain.ports import Clock, Cluster, Metrics
from davit_operator.engine.controller import Controller
from davit_operator.engine.liveness import Liveness

logger = logging.getLogger(__name__)


class Rounds:
    """Lists the resources of each kind and hands them to its controller.

    Args:
        cluster: Lists resources.
        controllers: One controller per kind.
        liveness: Records completed resyncs and listings.
        clock: Current time.
        metrics: Records completed resyncs.
    """

    def __init__(
        self,
        cluster: Cluster,
        controllers: Sequence[Controller],
        liveness: Liveness,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._liveness = liveness
        self._clock = clock
        self._metrics = metrics

    async def run_once(self) -> None:
        """Resync every kind. A kind that cannot be listed is logged and retried by the next resync."""
        for controller in self._controllers:
            bodies = await self._list(controller.kind.kind)
            if bodies is not None:
                self._liveness.record_listing(controller.kind.name, bodies, self._clock.now())
                await controller.resync(bodies)
        self._liveness.record_resync(self._clock.now())
        self._metrics.resynced(self._clock.now())

    async def run_for(self, models: Collection[str]) -> None:
        """Resync the resources that follow these registered models; `run_once` makes up for failures."""
        for controller in self._controllers:
            bodies = await self._list(controller.kind.kind)
            if bodies is not None:
                await controller.resync(bodies, models)

    async def _list(self, kind: Kind) -> Sequence[Object] | None:
        try:
            bodies = await self._cluster.list_resources(kind)
        except DavitError as error:
            logger.warning("%s could not be listed: %s", kind.plural, error)
            return None
        return [body for body in bodies if "deletionTimestamp" not in body["metadata"]]
