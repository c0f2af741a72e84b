"""Whether the operator is alive: its resync goes round, and its watch brings what the listing shows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from davit_resource.objects import Object


class Liveness:
    """Signs of life, judged by the liveness probe.

    Args:
        started: When the operator started.
        patience: How long the resync may be silent, or the watch behind, before a restart is better.
    """

    def __init__(self, started: datetime, patience: timedelta) -> None:
        self._last_beat = started
        self._patience = patience
        self._ready = False
        self._seen: dict[str, int] = {}
        self._behind_since: dict[str, datetime] = {}

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

    def listed(self, kind: str, bodies: Sequence[Object], now: datetime) -> None:
        """Compares a listing of a kind with what its watch brought: events may be late, but not missing."""
        since = self._behind_since.pop(kind, now)
        if any(self._is_behind(body["metadata"]) for body in bodies):
            self._behind_since[kind] = since

    @property
    def is_ready(self) -> bool:
        """Whether the first round is over."""
        return self._ready

    def unhealthy_reason(self, now: datetime) -> str | None:
        """What is wrong, in words; None when alive."""
        if now - self._last_beat > self._patience:
            return f"the resync has not gone round since {self._last_beat.isoformat()}"
        behind = min(self._behind_since.items(), key=itemgetter(1), default=None)
        if behind and now - behind[1] > self._patience:
            return f"the watch of {behind[0]} has brought nothing new since {behind[1].isoformat()}"
        return None

    def _is_behind(self, metadata: Object) -> bool:
        return bool(self._seen.get(metadata["uid"], 0) < metadata.get("generation", 1))
