"""A queue of resources: one is never worked on twice at once, and causes that come in bursts count once."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from davit_resource.objects import Ref

FIRST_BACK_OFF_SECONDS = 1.0
LONGEST_BACK_OFF_SECONDS = 60.0


class Timer(Protocol):
    """Something that will happen and can be called off."""

    def cancel(self) -> None:
        """Calls it off."""


CallLater = Callable[[float, Callable[[], None]], Timer]
"""Calls a function after some seconds; the event loop's `call_later` fits."""


class WorkQueue:
    """Which resources want a look, and when.

    One that is added while it is being worked on is handed out again after `done`: no cause is lost, and
    the second look sees the world as the first one left it. This is the lock of an object.

    Args:
        call_later: Time; the running event loop's when None.
    """

    def __init__(self, call_later: CallLater | None = None) -> None:
        self._call_later = call_later
        self._ready: asyncio.Queue[Ref] = asyncio.Queue()
        self._wanted: set[Ref] = set()
        self._working: set[Ref] = set()
        self._timers: dict[Ref, Timer] = {}
        self._failures: dict[Ref, int] = {}

    def __len__(self) -> int:
        """How many resources want a look now."""
        return len(self._wanted)

    def add(self, ref: Ref) -> None:
        """Asks for a look as soon as possible."""
        self._call_off(ref)
        if ref in self._wanted:
            return
        self._wanted.add(ref)
        if ref not in self._working:
            self._ready.put_nowait(ref)

    def add_after(self, ref: Ref, seconds: float) -> None:
        """Asks for a look in a while; any earlier cause replaces this one."""
        self._call_off(ref)
        call_later = self._call_later or asyncio.get_running_loop().call_later
        self._timers[ref] = call_later(seconds, lambda: self.add(ref))

    def add_with_back_off(self, ref: Ref) -> None:
        """Asks for a look, each time in a row after twice as long."""
        failures = self._failures.get(ref, 0)
        self._failures[ref] = failures + 1
        self.add_after(ref, min(FIRST_BACK_OFF_SECONDS * 2 ** min(failures, 10), LONGEST_BACK_OFF_SECONDS))

    def succeeded(self, ref: Ref) -> None:
        """Ends a row of failures."""
        self._failures.pop(ref, None)

    async def get(self) -> Ref:
        """Waits for a resource to work on."""
        ref = await self._ready.get()
        self._wanted.discard(ref)
        self._working.add(ref)
        return ref

    def done(self, ref: Ref) -> None:
        """The look is over; a cause that came meanwhile is served next."""
        self._working.discard(ref)
        if ref in self._wanted:
            self._call_off(ref)
            self._ready.put_nowait(ref)

    def _call_off(self, ref: Ref) -> None:
        timer = self._timers.pop(ref, None)
        if timer:
            timer.cancel()
