"""Control groups: they account for the cluster's processes, limit them and find them again.

Every process of a cluster is started below the group `davit-NAME`, in every hierarchy of the machine
(version 1, version 2 or both), and its children stay there. So the members of these groups are all processes
of the cluster, even if its records are lost.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from devcluster.errors import DevclusterError

_MOUNT_POINT, _TYPE = 4, 0


def hierarchies(mountinfo: str | None = None) -> list[Path]:
    """Return where control groups are mounted.

    Args:
        mountinfo: As in /proc/self/mountinfo, which is read when absent.
    """
    text = Path("/proc/self/mountinfo").read_text() if mountinfo is None else mountinfo
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ")[_TYPE] in {"cgroup", "cgroup2"}:
            found.append(Path(before.split(" ")[_MOUNT_POINT]))
    return found


class ControlGroup:
    """The groups of one cluster in all hierarchies."""

    def __init__(self, cluster: str, hierarchy_roots: list[Path] | None = None) -> None:
        self.name = f"davit-{cluster}"
        roots = hierarchies() if hierarchy_roots is None else hierarchy_roots
        self._folders = [root / self.name for root in roots]

    def create(self) -> None:
        """Create the groups: one for the cluster, `system` in it for the components.

        Raises:
            DevclusterError: The machine has no control groups, or they are read-only.
        """
        if not self._folders:
            raise DevclusterError("no control groups are mounted below /sys/fs/cgroup: mount them first")
        try:
            for folder in self._folders:
                _make(folder)
                _make(folder / "system")
        except OSError as error:
            raise DevclusterError(f"control groups cannot be made: {error}") from error

    def entrances(self) -> list[Path]:
        """Return the files into which a process writes its id to become a member of `system`."""
        return [folder / "system" / "cgroup.procs" for folder in self._folders]

    def members(self) -> set[int]:
        """Return the ids of all processes in all groups of the cluster."""
        found: set[int] = set()
        for folder in self._folders:
            for path in folder.rglob("cgroup.procs"):
                with contextlib.suppress(OSError):  # the group may be removed meanwhile
                    found.update(int(pid) for pid in path.read_text().split())
        return found

    def exists(self) -> bool:
        """Return whether any group of the cluster exists."""
        return any(folder.exists() for folder in self._folders)

    def remove(self) -> None:
        """Remove the groups; they must have no members."""
        for folder in self._folders:
            for path, _, _ in os.walk(folder, topdown=False):
                with contextlib.suppress(FileNotFoundError):
                    Path(path).rmdir()


def _make(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in (
        "cpuset.cpus",
        "cpuset.mems",
    ):  # version 1: empty in a new group, which then accepts no process
        path = folder / name
        if (folder / "cgroup.clone_children").exists() and path.exists() and not path.read_text().strip():
            path.write_text((folder.parent / name).read_text())
