"""Which boot of the machine this is: process numbers mean something only within one."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """The kernel's random name for this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
