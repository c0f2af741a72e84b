"""A queue of keys: one key is never worked on twice at once, and causes that come in bursts count once."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from davit_resource.objects import Key

FIRST_BACK_OFF_SECONDS = 1.0
LONGEST_BACK_OFF_SECONDS = 60.0


class Timer(Protocol):
    """Something that will happen and can be called off."""

    def cancel(self) -> None:
        """Calls it off."""


CallLater = Callable[[float, Callable[[], None]], Timer]
"""Calls a function after some seconds; the event loop's `call_later` fits."""


class WorkQueue:
    """Which ModelDeployments want a look, and when.

    A key that is added while it is being worked on is handed out again after `done`: no cause is lost, and
    the second look sees the world as the first one left it. This is the lock of an object.

    Args:
        call_later: Time; the running event loop's when None.
    """

    def __init__(self, call_later: CallLater | None = None) -> None:
        self._call_later = call_later
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._wanted: set[Key] = set()
        self._working: set[Key] = set()
        self._timers: dict[Key, Timer] = {}
        self._failures: dict[Key, int] = {}

    def __len__(self) -> int:
        """How many keys want a look now."""
        return len(self._wanted)

    def add(self, key: Key) -> None:
        """Asks for a look as soon as possible."""
        self._call_off(key)
        if key in self._wanted:
            return
        self._wanted.add(key)
        if key not in self._working:
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Asks for a look in a while; any earlier cause replaces this one."""
        self._call_off(key)
        call_later = self._call_later or asyncio.get_running_loop().call_later
        self._timers[key] = call_later(seconds, lambda: self.add(key))

    def add_with_back_off(self, key: Key) -> None:
        """Asks for a look, each time in a row after twice as long."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(FIRST_BACK_OFF_SECONDS * 2 ** min(failures, 10), LONGEST_BACK_OFF_SECONDS))

    def succeeded(self, key: Key) -> None:
        """Ends a row of failures."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """Waits for a key to work on."""
        key = await self._ready.get()
        self._wanted.discard(key)
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        """The look is over; a cause that came meanwhile is served next."""
        self._working.discard(key)
        if key in self._wanted:
            self._call_off(key)
            self._ready.put_nowait(key)

    def _call_off(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer:
            timer.cancel()
