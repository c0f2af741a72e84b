"""Keep processes that the model forks from inheriting the server's signal handlers and sockets.

A forked child is a copy with the server's signal handlers and open sockets. Unchanged, it would ignore the
SIGTERM with which a pool ends its workers, would report it to the server as if it were the server's own, and
would keep the port and the clients' connections open after the server has closed them.
"""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from davit_server.process.signals import ENDING, placeholder_handler

DESCRIPTORS = Path("/dev/fd")
"""Lists the open descriptors of the process that reads it."""


class ForkGuard:
    """Reset the server's signal handlers and sockets in every process that the model forks.

    Attributes:
        port: Where the server listens; sockets bound to it are the listener and its connections.
    """

    def __init__(self) -> None:
        self.port = 0
        self._private: set[int] = set()
        self._forking = threading.local()

    def register(self) -> None:
        """Act on every fork of this process and of its children from now on; this cannot be undone."""
        os.register_at_fork(
            before=self._hold_signals,
            after_in_parent=self._release_signals,
            after_in_child=self._become_ordinary,
        )

    def keep_private(self, descriptors: Iterable[int]) -> None:
        """Keep these descriptors out of the model's processes."""
        self._private.update(descriptors)

    @contextlib.contextmanager
    def own_child(self) -> Iterator[None]:
        """Fork a process of the server itself: it keeps the sockets."""
        self._forking.own = True
        try:
            yield
        finally:
            self._forking.own = False

    def _hold_signals(self) -> None:
        # A signal that reached the child before its handlers are reset would count as the server's own.
        self._forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)

    def _release_signals(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._forking.mask)

    def _become_ordinary(self) -> None:
        for sig in ENDING:
            if signal.getsignal(sig) is placeholder_handler:
                signal.signal(sig, signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        if not getattr(self._forking, "own", False):
            with contextlib.suppress(OSError):
                self._forget_descriptors()
        self._forking.own = False
        self._release_signals()

    def _forget_descriptors(self) -> None:
        """Replace the server's descriptors with /dev/null.

        If they were only closed, other files would get their numbers, and the child's copies of the server's
        objects might close those.
        """
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in [int(entry.name) for entry in DESCRIPTORS.iterdir()]:
            if descriptor in self._private or (self.port and _is_bound_to(descriptor, self.port)):
                os.dup2(null, descriptor, inheritable=False)
        os.close(null)


def _is_bound_to(descriptor: int, port: int) -> bool:
    """Return whether a descriptor is an internet socket with this local port."""
    try:
        twin = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        return twin.family in {socket.AF_INET, socket.AF_INET6} and twin.getsockname()[1] == port
    except OSError:
        return False
    finally:
        twin.detach()
