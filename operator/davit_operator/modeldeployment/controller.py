"""The kind ModelDeployment, as the engine sees it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from davit_resource.objects import Object, Ref

from davit_operator.domain.kinds import CustomKind
from davit_operator.engine.controller import Next
from davit_operator.modeldeployment.reconciler import Reconciler
from davit_operator.modeldeployment.resync import Resync


@dataclass(frozen=True, slots=True)
class ModelDeploymentController:
    """Joins reconciler and resync."""

    kind: CustomKind
    reconciler: Reconciler
    follower: Resync

    async def reconcile(self, ref: Ref) -> Next:
        """Reconciles one ModelDeployment."""
        return await self.reconciler.reconcile(ref)

    async def resync(self, bodies: Sequence[Object], models: Collection[str] | None = None) -> None:
        """Queues the ModelDeployments that want a look."""
        await self.follower.run(bodies, models)
