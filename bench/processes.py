"""CPU time and memory of a server with all its processes, from /proc."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc/PID/stat.

    Attributes:
        pid: Its number.
        parent: Its parent's number.
        group: Its process group.
        ended: Whether it is a zombie: it has ended and its parent has not reaped it.
        cpu_seconds: User and system time, of its own and of its children that have ended.
    """

    pid: int
    parent: int
    group: int
    ended: bool
    cpu_seconds: float


def parse_stat(text: str, ticks: int = TICKS) -> Process:
    """Parse the text of /proc/PID/stat; the process name in it may contain blanks and brackets."""
    pid, _, rest = text.partition(" (")
    fields = rest.rpartition(")")[2].split()
    # proc(5) counts from 1; `fields` starts with the third, the state.
    used = sum(map(int, fields[11:15])) / ticks
    return Process(int(pid), int(fields[1]), int(fields[2]), fields[0] == "Z", used)


def parse_pss(text: str) -> int:
    """Read the proportional set size in bytes from the text of /proc/PID/smaps_rollup."""
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def parse_busy(text: str, ticks: int = TICKS) -> float:
    """Read from /proc/stat's text the seconds that all CPUs were not idle, stolen time included."""
    fields = [int(value) for value in text.split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / ticks


def descendants(root: int, processes: list[Process]) -> list[Process]:
    """Return a process and all its descendants."""
    found = [process for process in processes if process.pid == root]
    for process in found:
        found += [child for child in processes if child.parent == process.pid]
    return found


def read_processes() -> list[Process]:
    """Read all processes of the machine, as they are now."""
    processes = []
    for path in PROC.glob("[0-9]*/stat"):
        try:
            processes.append(parse_stat(path.read_text()))
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
    return processes


def read_tree(root: int) -> list[Process]:
    """Read a process and all its descendants."""
    return descendants(root, read_processes())


def group_is_alive(group: int) -> bool:
    """Return whether any process of a process group still runs."""
    return any(process.group == group and not process.ended for process in read_processes())


def cpu_seconds(root: int) -> float:
    """Return the CPU time of a process tree so far, in seconds."""
    return sum(process.cpu_seconds for process in read_tree(root))


def pss_mib(root: int) -> float:
    """Return the memory of a process tree in MiB; shared pages count by their share."""
    texts = [(PROC / str(process.pid) / "smaps_rollup").read_text() for process in read_tree(root)]
    return sum(map(parse_pss, texts)) / 2**20


def busy_seconds() -> float:
    """Return the CPU time of the whole machine so far, in seconds."""
    return parse_busy((PROC / "stat").read_text())
