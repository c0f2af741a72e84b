"""What the engine needs to know of a kind."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from davit_resource.objects import Object, Ref

from davit_operator.domain.kinds import CustomKind


@dataclass(frozen=True, slots=True)
class Next:
    """When to look again without a cause from outside.

    Attributes:
        after: Seconds; None for not at all.
        back_off: Later each time in a row.
    """

    after: float | None = None
    back_off: bool = False


class Controller(Protocol):
    """Brings the cluster to what the resources of one kind want."""

    @property
    def kind(self) -> CustomKind:
        """What it reconciles, and what belongs to that."""

    async def reconcile(self, ref: Ref) -> Next:
        """Reconciles one resource. The caller sees to it that no two run for one resource at a time.

        Raises:
            DavitError: Nothing could be reported in the resource's status.
        """

    async def resync(self, bodies: Sequence[Object], models: Collection[str] | None = None) -> None:
        """Queues the resources that want a look.

        Args:
            bodies: All resources of the kind, without those that are being deleted.
            models: Names of registered models that have changed: only what follows one of them matters. None
                for the regular round over everything.
        """
