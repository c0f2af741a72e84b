"""How many Events one object may cause: a burst, then one a minute. A flapping alias must not flood etcd."""

from datetime import datetime, timedelta

from davit_operator.domain.ports import Clock

_BURST = 10
_EVERY = timedelta(minutes=1)


class EventBudget:
    """Counts Events by object.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent: dict[str, list[datetime]] = {}

    def allows(self, uid: str) -> bool:
        """Whether one more may be posted now; counts it if so."""
        now = self._clock.now()
        window = now - _BURST * _EVERY
        self._spent = {one: kept for one, when in self._spent.items() if (kept := _after(when, window))}
        recent = self._spent.setdefault(uid, [])
        if len(recent) >= _BURST:
            return False
        recent.append(now)
        return True


def _after(moments: list[datetime], start: datetime) -> list[datetime]:
    return [moment for moment in moments if moment > start]
