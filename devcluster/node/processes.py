"""Processes that outlive the command that started them.

A process is identified by its id, its start time and the boot it started in: a stale record can never point
at another process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from devcluster.errors import DevclusterError
from devcluster.node.boot import boot_id

_START_TIME = 19  # index, counted after the program's name, of `starttime` in proc(5) /proc/pid/stat
_STATE = 0


@dataclass(frozen=True)
class Identity:
    """A unique identification of a process.

    Attributes:
        pid: Its number.
        started: Its start time in clock ticks since boot.
        boot: The boot it started in.
    """

    pid: int
    started: int
    boot: str


@dataclass(frozen=True)
class Record:
    """The record of a started component.

    Attributes:
        identity: The process.
        fingerprint: Of its command line and configuration, to see later whether it must be restarted.
    """

    identity: Identity
    fingerprint: str


def identify(pid: int) -> Identity | None:
    """Return the identity of a living process; None when there is none (a zombie is not living)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat[stat.rindex(")") + 2 :].split()
    if fields[_STATE] in "ZX":
        return None
    return Identity(pid, int(fields[_START_TIME]), boot_id())


def is_alive(identity: Identity) -> bool:
    """Return whether exactly this process is still alive."""
    return identify(identity.pid) == identity


def write_record(path: Path, record: Record) -> None:
    """Write a record atomically."""
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(asdict(record)))
    unfinished.replace(path)


def read_record(path: Path) -> Record | None:
    """Read a record; None when there is none or it is damaged."""
    try:
        written = json.loads(path.read_text())
        return Record(Identity(**written["identity"]), written["fingerprint"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def end(identity: Identity, *, patience: float) -> None:
    """End a process: SIGTERM, wait, then SIGKILL.

    Args:
        identity: The process; nothing happens when it has ended already.
        patience: Seconds between SIGTERM and SIGKILL.

    Raises:
        DevclusterError: It does not end after SIGKILL.
    """
    with _handle(identity) as handle:
        if handle is None:
            return
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if _ended(handle, patience):
            return
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        if not _ended(handle, 30):
            raise DevclusterError(f"process {identity.pid} does not end: look at /proc/{identity.pid}/stack")


def kill_all(pids: Iterable[int]) -> None:
    """Kill processes and wait until they have ended."""
    with contextlib.ExitStack() as stack:
        handles = [stack.enter_context(_handle(identity)) for identity in map(identify, pids) if identity]
        living = [handle for handle in handles if handle is not None]
        for handle in living:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        for handle in living:
            _ended(handle, 30)


@contextlib.contextmanager
def _handle(identity: Identity) -> Iterator[int | None]:
    """Open a handle of a process, so that its id cannot be reused between check and signal."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield handle if is_alive(identity) else None
    finally:
        os.close(handle)


def _ended(handle: int, patience: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(patience * 1000))
