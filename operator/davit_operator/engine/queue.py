"""A work queue: each resource is processed by one worker at a time, and bursts of causes are merged."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from davit_resource.objects import Ref

INITIAL_BACK_OFF_SECONDS = 1.0
MAX_BACK_OFF_SECONDS = 60.0


class Timer(Protocol):
    """A scheduled call that can be cancelled."""

    def cancel(self) -> None:
        """Cancel the call."""


CallLater = Callable[[float, Callable[[], None]], Timer]
"""Schedules a call after a delay in seconds, as the event loop's `call_later` does."""


class WorkQueue:
    """Resources to reconcile, now or later.

    A resource that is added while it is being processed is handed out again after `done`, so that no cause is
    lost and the second reconciliation sees the result of the first. This replaces a lock per resource.

    Args:
        call_later: Schedules delayed additions; the running event loop's when None.
    """

    def __init__(self, call_later: CallLater | None = None) -> None:
        self._call_later = call_later
        self._ready: asyncio.Queue[Ref] = asyncio.Queue()
        self._waiting: set[Ref] = set()
        self._processing: set[Ref] = set()
        self._timers: dict[Ref, Timer] = {}
        self._failures: dict[Ref, int] = {}

    def __len__(self) -> int:
        """Return the number of resources that wait for a reconciliation."""
        return len(self._waiting)

    def add(self, ref: Ref) -> None:
        """Queue a resource now."""
        self._cancel_timer(ref)
        if ref in self._waiting:
            return
        self._waiting.add(ref)
        if ref not in self._processing:
            self._ready.put_nowait(ref)

    def add_after(self, ref: Ref, seconds: float) -> None:
        """Queue a resource after a delay in seconds; an earlier `add` replaces this one."""
        self._cancel_timer(ref)
        call_later = self._call_later or asyncio.get_running_loop().call_later
        self._timers[ref] = call_later(seconds, lambda: self.add(ref))

    def add_with_back_off(self, ref: Ref) -> None:
        """Queue a resource after a delay that doubles with each consecutive failure, up to a minute."""
        failures = self._failures.get(ref, 0)
        self._failures[ref] = failures + 1
        self.add_after(ref, min(INITIAL_BACK_OFF_SECONDS * 2 ** min(failures, 10), MAX_BACK_OFF_SECONDS))

    def reset_back_off(self, ref: Ref) -> None:
        """Forget the consecutive failures of a resource."""
        self._failures.pop(ref, None)

    async def get(self) -> Ref:
        """Wait for a resource to process, and mark it as being processed."""
        ref = await self._ready.get()
        self._waiting.discard(ref)
        self._processing.add(ref)
        return ref

    def done(self, ref: Ref) -> None:
        """Mark a resource as processed; queue it again if it was added meanwhile."""
        self._processing.discard(ref)
        if ref in self._waiting:
            self._cancel_timer(ref)
            self._ready.put_nowait(ref)

    def _cancel_timer(self, ref: Ref) -> None:
        timer = self._timers.pop(ref, None)
        if timer:
            timer.cancel()
