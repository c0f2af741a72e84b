"""What the engine needs to know of a kind."""

from dataclasses import dataclass
from typing import Protocol

from davit_resource.objects import Key


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
    """Brings the cluster to what a resource wants."""

    async def reconcile(self, key: Key) -> Next:
        """Reconciles one resource. The caller sees to it that no two run for one resource at a time.

        Raises:
            DavitError: Nothing could be reported in the resource's status.
        """
