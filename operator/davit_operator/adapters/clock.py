"""The system clock."""

from datetime import UTC, datetime


class SystemClock:
    """Implements the `Clock` port with the system clock."""

    def now(self) -> datetime:
        """Return the current time in UTC, with microseconds."""
        return datetime.now(UTC)
