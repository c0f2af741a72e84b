"""Pins as they are stored in a status: with everything needed to go on after a restart, registry or not."""

from datetime import datetime

from davit_resource.v1alpha1 import PinStatus

from davit_operator.domain.pin import Pin, Source


def pin_from_status(stored: PinStatus) -> Pin:
    """Reads a stored pin."""
    source = Source(
        uri=stored.uri,
        registry=stored.registry,
        location=stored.location,
        name=stored.name,
        version=stored.version,
        run_id=stored.run_id,
        model_id=stored.model_id,
    )
    return Pin(source, stored.digest, stored.integrity)


def pin_to_status(pin: Pin, previous: PinStatus | None, now: datetime) -> PinStatus:
    """Stores a pin; the time stays while the pin does."""
    source = pin.source
    same = previous is not None and pin.same_model(pin_from_status(previous))
    return PinStatus(
        label=pin.label,
        uri=source.uri,
        registry=source.registry,
        name=source.name,
        version=source.version,
        run_id=source.run_id,
        model_id=source.model_id,
        location=source.location,
        digest=pin.digest,
        integrity=pin.integrity,
        resolved_at=previous.resolved_at if same and previous else now,
    )
