"""Adapt the number of calls of the model that run at the same time.

Code that waits (for a service, a database) needs many; code that computes gets slower by sharing Python's
lock. Which of them a model is can be measured: another call starts only while the running ones leave the
processor idle.
"""

import os
from pathlib import Path
from typing import Final

IDLE_SHARE: Final = 0.7
"""Below this share of one processor more calls may run."""
BUSY_SHARE: Final = 0.95
"""Above this share fewer should run."""


class Concurrency:
    """The number of calls that may run at one time, adapted to what the model does.

    Args:
        limit: The largest number.
        processors: Processors that the process may use; only less than one matters, since threads share
            Python's lock.
    """

    def __init__(self, limit: int, processors: float = 1.0) -> None:
        self.limit = limit
        self.level = 1
        self._processors = min(1.0, processors)

    def observe(self, busy_seconds: float, seconds: float) -> None:
        """Adapt the level to a period in which requests waited.

        Args:
            busy_seconds: Processor time that the process used.
            seconds: The length of the period.
        """
        share = busy_seconds / (seconds * self._processors)
        if share < IDLE_SHARE:
            self.level = min(self.limit, self.level * 2)
        elif share > BUSY_SHARE:
            self.level = max(1, self.level // 2)


def available_processors() -> float:
    """Return how many processors this process may use: its control group's quota, else all it may run on."""
    allowed = (
        float(len(os.sched_getaffinity(0)))
        if hasattr(os, "sched_getaffinity")
        else float(os.cpu_count() or 1)
    )
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        quota, period = _quota_of_version_one()
    return min(allowed, int(quota) / int(period)) if quota.isdigit() and int(quota) > 0 else allowed


def _quota_of_version_one() -> tuple[str, str]:
    folder = Path("/sys/fs/cgroup/cpu")
    try:
        return (
            (folder / "cpu.cfs_quota_us").read_text(encoding="ascii").strip(),
            (folder / "cpu.cfs_period_us").read_text(encoding="ascii").strip(),
        )
    except OSError:
        return "max", "1"
