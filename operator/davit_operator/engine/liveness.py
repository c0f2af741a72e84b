"""Liveness of the operator: resyncs complete, and watches deliver what listings show."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter

from davit_resource.objects import Object


class Liveness:
    """State behind the liveness and readiness probes.

    Args:
        started: When the operator started.
        tolerance: How long no resync may complete, or a watch may lag behind, before the operator counts as
            unhealthy.
    """

    def __init__(self, started: datetime, tolerance: timedelta) -> None:
        self._last_resync = started
        self._tolerance = tolerance
        self._ready = False
        self._seen: dict[str, int] = {}
        self._behind_since: dict[str, datetime] = {}

    def record_resync(self, now: datetime) -> None:
        """Record a completed resync."""
        self._last_resync = now
        self._ready = True

    def record_event(self, uid: str, generation: int) -> bool:
        """Record a watch event of an object; return whether its generation is new."""
        is_new = self._seen.get(uid) != generation
        self._seen[uid] = generation
        return is_new

    def record_deletion(self, uid: str) -> None:
        """Record a watch event of a deletion."""
        self._seen.pop(uid, None)

    def record_listing(self, kind: str, bodies: Sequence[Object], now: datetime) -> None:
        """Compare a listing of a kind with the events of its watch, which may be late but not missing."""
        since = self._behind_since.pop(kind, now)
        if any(self._is_behind(body["metadata"]) for body in bodies):
            self._behind_since[kind] = since

    @property
    def is_ready(self) -> bool:
        """Whether the first resync has completed."""
        return self._ready

    def unhealthy_reason(self, now: datetime) -> str | None:
        """Return why the operator is unhealthy; None when it is healthy."""
        if now - self._last_resync > self._tolerance:
            return f"no resync has completed since {self._last_resync.isoformat()}"
        behind = min(self._behind_since.items(), key=itemgetter(1), default=None)
        if behind and now - behind[1] > self._tolerance:
            return f"the watch of {behind[0]} has delivered no new event since {behind[1].isoformat()}"
        return None

    def _is_behind(self, metadata: Object) -> bool:
        return bool(self._seen.get(metadata["uid"], 0) < metadata.get("generation", 1))
