"""Verify that a delivery is MLflow's own, and read its hint. MLflow signs as Standard Webhooks does."""

import base64
import hashlib
import hmac
import json
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from davit_registry import (
    InvalidReference,
    RegisteredAlias,
    RegisteredStage,
    RegisteredVersion,
    parse_reference,
)
from davit_resource.v1alpha1 import Resource, UnreadableSpec

from davit_operator.domain.webhook import Delivery, Outcome

TOLERANCE = timedelta(minutes=5)
"""How far MLflow's clock and ours may be apart; deliveries that are older count for nothing."""

_ENTITIES = {"model_version", "model_version_alias"}


def sign(secret: str, delivery: Delivery) -> str:
    """Return the signature that a delivery must have."""
    content = f"{delivery.id}.{delivery.timestamp}.".encode() + delivery.body
    code = hmac.new(secret.encode(), content, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(code).decode()}"


def judge_delivery(delivery: Delivery, secret: str, now: datetime, started: datetime) -> Outcome:
    """Verify that MLflow sent this, and just now.

    Args:
        delivery: What arrived.
        secret: The key with which MLflow signs.
        now: The present moment.
        started: What is older than this process may be a repetition of what it cannot remember.

    Returns:
        `ACCEPTED`, `FORGED` or `STALE`.
    """
    # In constant time: how much of a guess is right must not show.
    if not hmac.compare_digest(sign(secret, delivery).encode(), delivery.signature.encode()):
        return Outcome.FORGED
    try:
        sent = datetime.fromtimestamp(int(delivery.timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return Outcome.STALE
    oldest = max(now - TOLERANCE, started.replace(microsecond=0))
    return Outcome.ACCEPTED if oldest <= sent <= now + TOLERANCE else Outcome.STALE


def read_hint(body: bytes) -> str | None:
    """Return the registered model whose versions or aliases have changed; None for any other news."""
    try:
        news = json.loads(body)
        name = news["data"]["name"] if news["entity"] in _ENTITIES else None
    except (ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def follows(resource: Resource, models: Collection[str]) -> bool:
    """Whether the reference of a ModelDeployment goes through one of these registered models."""
    try:
        reference = parse_reference(resource.parse_spec().model.uri)
    except (UnreadableSpec, InvalidReference):
        return False
    match reference:
        case RegisteredAlias(name=name) | RegisteredStage(name=name) | RegisteredVersion(name=name):
            return name in models
    return False
