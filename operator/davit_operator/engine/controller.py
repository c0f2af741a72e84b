"""The interface between the engine and a kind of resources."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from davit_resource.objects import Object, Ref

from davit_operator.domain.kinds import CustomKind


@dataclass(frozen=True, slots=True)
class Next:
    """When to reconcile a resource again without a new event.

    Attributes:
        after: Delay in seconds; None for no further reconciliation.
        back_off: Retry with exponential backoff instead; `after` is then ignored.
    """

    after: float | None = None
    back_off: bool = False


class Controller(Protocol):
    """Reconciles the resources of one kind."""

    @property
    def kind(self) -> CustomKind:
        """The kind of the resources and the kinds of their children."""

    async def reconcile(self, ref: Ref) -> Next:
        """Reconcile one resource. The caller must not run two reconciliations of one resource at a time.

        Raises:
            DavitError: The result could not be written to the resource's status.
        """

    async def resync(self, bodies: Sequence[Object], models: Collection[str] | None = None) -> None:
        """Queue the resources that need a reconciliation.

        Args:
            bodies: All resources of the kind, without those that are being deleted.
            models: Names of registered models that have changed: only resources that follow one of them are
                considered. None in a regular resync, which considers all.
        """
