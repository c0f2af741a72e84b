"""Time, from the machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """The present moment, to the second for what is stored and finer for what is measured."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)
