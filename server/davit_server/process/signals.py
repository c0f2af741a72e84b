"""Receive SIGTERM and SIGINT in a thread, even while the main thread is busy.

Python runs a signal's handler in the main thread, and only after a call of C code there has returned: a model
that takes a minute to load would delay SIGTERM by a minute. Python's own handler in C, however, writes the
signal's number to a socket at once, and another thread reads it there.
"""

import contextlib
import logging
import signal
import socket
from types import FrameType

logger = logging.getLogger(__name__)

ENDING = (signal.SIGTERM, signal.SIGINT)
"""The signals that end a server."""


def placeholder_handler(sig: int, frame: FrameType | None) -> None:
    """Replace a signal's default action: the reader of the socket acts on the signal."""
    del sig, frame


class EndSignals:
    """The ending signals of this process, as numbers to read from a socket."""

    def __init__(self) -> None:
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    @property
    def descriptors(self) -> tuple[int, int]:
        """Both ends of the socket pair."""
        return self._receiver.fileno(), self._sender.fileno()

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when a signal has arrived."""
        return self._receiver.fileno()

    def install(self) -> None:
        """Handle the ending signals from now on. Only the main thread may do this."""
        for sig in ENDING:
            signal.signal(sig, placeholder_handler)
        signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)

    def reinstall(self) -> None:
        """Handle the ending signals again after model code ran in the main thread; keep other handlers."""
        replaced = [sig.name for sig in ENDING if signal.getsignal(sig) is not placeholder_handler]
        if replaced:
            logger.warning(
                "the model's own handlers of %s are replaced: the server shuts down cleanly on these signals",
                " and ".join(replaced),
            )
        self.install()

    def received(self) -> list[signal.Signals]:
        """Return the ending signals that have arrived since the last call."""
        with contextlib.suppress(BlockingIOError):
            return [signal.Signals(number) for number in self._receiver.recv(4096) if number in ENDING]
        return []
