"""Pins as they are stored in a status: with everything needed to go on after a restart, registry or not."""

from dataclasses import asdict, fields
from datetime import datetime

from davit_registry.resolved import ResolvedModel
from davit_resource.v1alpha1 import PinStatus

from davit_operator.domain.pin import Pin

_FIELDS = [one.name for one in fields(ResolvedModel)]


def pin_from_status(stored: PinStatus) -> Pin:
    """Read a stored pin."""
    source = ResolvedModel(**{name: getattr(stored, name) for name in _FIELDS})
    return Pin(source, stored.digest, stored.integrity)


def pin_to_status(pin: Pin, previous: PinStatus | None, now: datetime) -> PinStatus:
    """Store a pin; its time stays while the pin does."""
    same = previous is not None and pin.same_model(pin_from_status(previous))
    return PinStatus(
        **asdict(pin.source),
        label=pin.label,
        digest=pin.digest,
        integrity=pin.integrity,
        resolved_at=previous.resolved_at if same and previous else now,
    )
