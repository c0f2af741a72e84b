"""Hints that a registered model has changed: each only triggers a resync."""

import asyncio
from datetime import datetime

from davit_operator.domain.ports import Clock, Metrics
from davit_operator.domain.webhook import Delivery, Outcome
from davit_operator.models.delivery import TOLERANCE, judge_delivery, read_hint

_MOST_REMEMBERED = 10_000


class Hints:
    """Names of registered models to resync; a burst about one counts once."""

    def __init__(self) -> None:
        self._models: set[str] = set()
        self._arrived = asyncio.Event()

    def add(self, model: str) -> None:
        """Request a resync as soon as possible."""
        self._models.add(model)
        self._arrived.set()

    async def take(self) -> frozenset[str]:
        """Wait for the next hints and return all there are."""
        await self._arrived.wait()
        self._arrived.clear()
        taken, self._models = frozenset(self._models), set()
        return taken


class Receiver:
    """Verifies deliveries, and accepts each once.

    Nothing of a delivery's content is used: the hint is to read the registry again.

    Args:
        secret: The key with which MLflow signs.
        hints: Takes what is accepted.
        clock: Time.
        metrics: Counts every outcome.
    """

    def __init__(self, secret: str, hints: Hints, clock: Clock, metrics: Metrics) -> None:
        self._secret = secret
        self._hints = hints
        self._clock = clock
        self._metrics = metrics
        self._started = clock.now()
        self._seen: dict[str, datetime] = {}

    def receive(self, delivery: Delivery) -> Outcome:
        """Pass on the hint of an authentic, new delivery."""
        now = self._clock.now()
        outcome = judge_delivery(delivery, self._secret, now, self._started)
        if outcome is Outcome.ACCEPTED and not self._is_new(delivery.id, now):
            outcome = Outcome.REPLAYED
        if outcome is Outcome.ACCEPTED:
            outcome = self._pass_on(delivery.body)
        self.count(outcome)
        return outcome

    def count(self, outcome: Outcome) -> None:
        """Count a request, also one that never became a delivery."""
        self._metrics.webhook_received(outcome.value)

    def _pass_on(self, body: bytes) -> Outcome:
        model = read_hint(body)
        if model is None:
            return Outcome.IGNORED
        self._hints.add(model)
        return Outcome.ACCEPTED

    def _is_new(self, delivery: str, now: datetime) -> bool:
        """Remember signed deliveries for as long as their time stamp would be valid."""
        known = delivery in self._seen
        self._seen.setdefault(delivery, now)
        while len(self._seen) > _MOST_REMEMBERED or now - next(iter(self._seen.values())) > 2 * TOLERANCE:
            self._seen.pop(next(iter(self._seen)))
        return not known
