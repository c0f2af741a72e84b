"""Rate limit for the Events of one object, so that a flapping alias cannot flood etcd."""

from datetime import datetime, timedelta

from davit_operator.domain.ports import Clock

_BURST = 10
_REFILL_INTERVAL = timedelta(minutes=1)


class EventBudget:
    """Counts the recent Events of each object.

    Args:
        clock: Current time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent: dict[str, list[datetime]] = {}

    def allows(self, uid: str) -> bool:
        """Return whether one more Event may be posted now; count it if so."""
        now = self._clock.now()
        window = now - _BURST * _REFILL_INTERVAL
        self._spent = {one: kept for one, when in self._spent.items() if (kept := _after(when, window))}
        recent = self._spent.setdefault(uid, [])
        if len(recent) >= _BURST:
            return False
        recent.append(now)
        return True


def _after(moments: list[datetime], start: datetime) -> list[datetime]:
    return [moment for moment in moments if moment > start]
