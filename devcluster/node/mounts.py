"""Lists and removes mounts below a folder."""

from __future__ import annotations

from pathlib import Path

from devcluster.commands import run

_MOUNT_POINT = 4


def mounts_below(folder: Path, mountinfo: str | None = None) -> list[Path]:
    """Return the mount points at or below a folder, in the order in which they can be unmounted.

    Args:
        folder: An absolute path.
        mountinfo: As in /proc/self/mountinfo, which is read when absent.
    """
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    points = [Path(_unescape(line.split(" ")[_MOUNT_POINT])) for line in text.splitlines()]
    return [point for point in reversed(points) if point == folder or folder in point.parents]


def unmount_below(folder: Path) -> None:
    """Unmount everything at or below a folder."""
    for point in mounts_below(folder):
        run(["umount", "--lazy", str(point)])


def _unescape(text: str) -> str:
    """Decode the octal escapes of proc(5): space, tab, newline and backslash."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
