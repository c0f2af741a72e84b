"""End a process together with all processes that the model has started from it."""

import contextlib
import ctypes
import logging
import multiprocessing.util
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

logger = logging.getLogger(__name__)

GRACE_SECONDS = 1.0
"""How long a process has between SIGTERM and SIGKILL."""
EXIT_SECONDS = 5.0
"""How long the interpreter's own exit may take: threads and exit functions of the model's libraries."""
PR_SET_CHILD_SUBREAPER = 36
SELF_CLEANING = b"resource_tracker"
"""In the command line of processes that clean up after their parent and end by themselves after it."""


@dataclass(frozen=True, slots=True)
class Process:
    """One entry of the system's process list."""

    pid: int
    parent: int
    group: int
    zombie: bool


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that it can still be found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def descendants() -> list[Process]:
    """Return all running processes below this one, in any session; none on systems other than Linux."""
    children: dict[int, list[Process]] = {}
    for process in _processes():
        children.setdefault(process.parent, []).append(process)
    found, parents = [], [os.getpid()]
    while parents:
        below = children.get(parents.pop(), [])
        found += [process for process in below if not process.zombie]
        parents += [process.pid for process in below]
    return found


def end_descendants(grace_seconds: float = GRACE_SECONDS, group: int | None = None) -> None:
    """End all processes below this one: SIGTERM, then SIGKILL for those that take too long.

    Args:
        grace_seconds: Time between SIGTERM and SIGKILL.
        group: Only the members of this process group.
    """
    deadline = time.monotonic() + grace_seconds
    signalled: set[int] = set()
    while left := [process.pid for process in descendants() if _is_to_end(process, group)]:
        out_of_time = time.monotonic() - deadline
        if out_of_time > GRACE_SECONDS:
            logger.warning("processes of the model do not end", extra={"fields": {"pids": left}})
            return
        for pid in left:
            if out_of_time >= 0:
                _send(pid, signal.SIGKILL)
            elif pid not in signalled:
                _send(pid, signal.SIGTERM)
                signalled.add(pid)
        time.sleep(0.02)


def end_children() -> None:
    """End all processes started here, as the last exit function of the interpreter.

    multiprocessing goes first: it would restart ended workers of a pool, and only it can release the named
    semaphores that it has created.
    """
    with contextlib.suppress(Exception):  # it may have been left in any state
        _end_multiprocessing()
    end_descendants()


def exit_now(code: int) -> NoReturn:
    """End the process and its descendants now, whatever its threads are doing.

    Args:
        code: The exit code.
    """
    cleanup = threading.Thread(target=end_children, daemon=True)
    # Newer versions of Python start no thread during the interpreter's exit.
    with contextlib.suppress(RuntimeError):
        cleanup.start()
        cleanup.join(GRACE_SECONDS)
    end_descendants()
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


def exit_within(code: int, seconds: float = EXIT_SECONDS) -> None:
    """Let the interpreter exit by itself within a time limit.

    Args:
        code: The exit code.
        seconds: The time after which the process is ended.
    """

    def end() -> None:
        time.sleep(seconds)
        logger.warning(
            "the process does not exit by itself because of threads or exit functions of the model: ending it"
        )
        exit_now(code)

    threading.Thread(target=end, name="exit", daemon=True).start()


def _end_multiprocessing() -> None:
    """Run multiprocessing's exit function, without waiting for processes that never end."""
    for child in multiprocessing.active_children():
        if not child.daemon:  # it would be waited for
            child.terminate()
    multiprocessing.util._exit_function()  # type: ignore[attr-defined]  # noqa: SLF001  atexit calls it too


def _is_to_end(process: Process, group: int | None) -> bool:
    if group is not None and process.group != group:
        return False
    with contextlib.suppress(OSError):
        return SELF_CLEANING not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    return False


def _send(pid: int, sig: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, sig)


def _processes() -> list[Process]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just ended
            found.append(_read_process(int(entry.name)))
    return found


def _read_process(pid: int) -> Process:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    # The program's name stands in brackets and may hold anything, brackets and spaces too.
    state, parent, group = text.rpartition(")")[2].split()[:3]
    return Process(pid, int(parent), int(group), zombie=state in "ZX")
