"""Hints that a registered model has changed: believed far enough to look, and no further."""

import asyncio
from datetime import datetime

from davit_operator.domain.ports import Clock, Metrics
from davit_operator.domain.webhook import Delivery, Outcome
from davit_operator.models.delivery import TOLERANCE, judge_delivery, read_hint

_MOST_REMEMBERED = 10_000


class Hints:
    """Names of registered models that want a look; a burst about one counts once."""

    def __init__(self) -> None:
        self._models: set[str] = set()
        self._arrived = asyncio.Event()

    def add(self, model: str) -> None:
        """Asks for a look as soon as possible."""
        self._models.add(model)
        self._arrived.set()

    async def take(self) -> frozenset[str]:
        """Waits for the next hints and hands out all there are."""
        await self._arrived.wait()
        self._arrived.clear()
        taken, self._models = frozenset(self._models), set()
        return taken


class Receiver:
    """Judges deliveries, once each.

    Nothing that a delivery says is taken over: the hint is to read the registry again.

    Args:
        secret: What MLflow signs with.
        hints: Takes what is believed.
        clock: Time.
        metrics: Told every outcome.
    """

    def __init__(self, secret: str, hints: Hints, clock: Clock, metrics: Metrics) -> None:
        self._secret = secret
        self._hints = hints
        self._clock = clock
        self._metrics = metrics
        self._started = clock.now()
        self._seen: dict[str, datetime] = {}

    def receive(self, delivery: Delivery) -> Outcome:
        """Passes on what an authentic, new delivery hints at."""
        now = self._clock.now()
        outcome = judge_delivery(delivery, self._secret, now, self._started)
        if outcome is Outcome.ACCEPTED and not self._is_new(delivery.id, now):
            outcome = Outcome.REPLAYED
        if outcome is Outcome.ACCEPTED:
            outcome = self._pass_on(delivery.body)
        self.count(outcome)
        return outcome

    def count(self, outcome: Outcome) -> None:
        """Counts a request, also one that never became a delivery."""
        self._metrics.webhook_received(outcome.value)

    def _pass_on(self, body: bytes) -> Outcome:
        model = read_hint(body)
        if model is None:
            return Outcome.IGNORED
        self._hints.add(model)
        return Outcome.ACCEPTED

    def _is_new(self, delivery: str, now: datetime) -> bool:
        """Remembers signed deliveries for as long as their time stamp would be good."""
        known = delivery in self._seen
        self._seen.setdefault(delivery, now)
        while len(self._seen) > _MOST_REMEMBERED or now - next(iter(self._seen.values())) > 2 * TOLERANCE:
            self._seen.pop(next(iter(self._seen)))
        return not known
