"""Whether the operator is alive: its resync goes round, and its watch brings what the listing shows."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from davit_resource.v1alpha1 import Resource


class Liveness:
    """Signs of life, judged by the liveness probe from another thread.

    Args:
        started: When the operator started.
        patience: How long the resync may be silent, or the watch behind, before a restart is better.
    """

    def __init__(self, started: datetime, patience: timedelta) -> None:
        self._last_beat = started
        self._patience = patience
        self._ready = False
        self._seen: dict[str, int] = {}
        self._behind_since: datetime | None = None

    def beat(self, now: datetime) -> None:
        """The resync went round once."""
        self._last_beat = now
        self._ready = True

    def saw(self, uid: str, generation: int) -> bool:
        """The watch brought an object; whether it is news."""
        news = self._seen.get(uid) != generation
        self._seen[uid] = generation
        return news

    def lost(self, uid: str) -> None:
        """The watch brought a deletion."""
        self._seen.pop(uid, None)

    def listed(self, resources: Sequence[Resource], now: datetime) -> None:
        """Compares a listing with what the watch brought: events may take a moment, but not stay away."""
        behind = any(self._seen.get(one.uid, 0) < one.generation for one in resources)
        self._behind_since = (self._behind_since or now) if behind else None

    @property
    def is_ready(self) -> bool:
        """Whether the first round is over."""
        return self._ready

    def unhealthy_reason(self, now: datetime) -> str | None:
        """What is wrong, in words; None when alive."""
        if now - self._last_beat > self._patience:
            return f"the resync has not gone round since {self._last_beat.isoformat()}"
        if self._behind_since and now - self._behind_since > self._patience:
            return f"the watch has brought nothing new since {self._behind_since.isoformat()}"
        return None
