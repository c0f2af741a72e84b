"""The controller of the kind ModelDeployment."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from davit_resource.objects import Object, Ref

from davit_operator.domain.kinds import CustomKind
from davit_operator.engine.controller import Next
from davit_operator.modeldeployment.reconciler import Reconciler
from davit_operator.modeldeployment.resync import Resync


@dataclass(frozen=True, slots=True)
class ModelDeploymentController:
    """Implements the engine's `Controller` with the reconciler and the resync."""

    kind: CustomKind
    reconciler: Reconciler
    resyncer: Resync

    async def reconcile(self, ref: Ref) -> Next:
        """Reconcile one ModelDeployment."""
        return await self.reconciler.reconcile(ref)

    async def resync(self, bodies: Sequence[Object], models: Collection[str] | None = None) -> None:
        """Queue the ModelDeployments that need a reconciliation."""
        await self.resyncer.run(bodies, models)
