"""A webhook of MLflow's: the one we want, and one delivery of it as it arrived."""

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Subscription:
    """A webhook as we want MLflow to have it.

    Attributes:
        name: Ours alone on the server.
        url: Where MLflow delivers.
        secret: The key with which it signs.
    """

    name: str
    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A request that claims to be a delivery; headers as they were sent, empty when missing."""

    id: str
    timestamp: str
    signature: str
    body: bytes = field(repr=False)


class Outcome(StrEnum):
    """What became of a request to the receiver; the values are those of a metric's label."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    """Signed, but about nothing that a reference can follow."""
    FORGED = "forged"
    STALE = "stale"
    REPLAYED = "replayed"
    MALFORMED = "malformed"
    """No delivery at all: another path, no length, or too large."""
