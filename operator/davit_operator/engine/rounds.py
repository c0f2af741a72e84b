"""Rounds over all resources of every kind. They follow aliases and repair what a lost event left behind."""

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
        cluster: Where resources are listed.
        controllers: One for each kind.
        liveness: Learns that rounds are made, and what was listed.
        clock: Time.
        metrics: What is measured.
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
        """One round. A kind that cannot be listed is logged; the next round tries again."""
        for controller in self._controllers:
            bodies = await self._list(controller.kind.kind)
            if bodies is not None:
                self._liveness.listed(controller.kind.name, bodies, self._clock.now())
                await controller.resync(bodies)
        self._liveness.beat(self._clock.now())
        self._metrics.resynced(self._clock.now())

    async def run_for(self, models: Collection[str]) -> None:
        """A look at what follows these registered models; the next round makes up for one that fails."""
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
