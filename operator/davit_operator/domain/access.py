"""How the files of a model are reached, by the pods and by the operator."""

from dataclasses import dataclass
from enum import Enum


class ListingAccess(Enum):
    """How the operator lists the files of a model, and with which credentials."""

    STORE_SECRET = "the store, with the Secret that spec.model.storeSecretName names"  # noqa: S105  no secret
    OPERATOR_STORE = "the store, with the operator's own credentials"
    PROXY = "the artifact proxy of the registry"


@dataclass(frozen=True, slots=True)
class Route:
    """How the files of one model are reached.

    Attributes:
        fetch: Location that the pods read: behind the registry's artifact proxy, or in a store.
        listing: Location that the operator lists; the same files.
        access: How the operator lists.
    """

    fetch: str
    listing: str
    access: ListingAccess
