"""Log the progress of loading, so that a load that hangs shows where."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator

from davit_server.errors import ModelRejected

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 60.0
FRAMES = 10
"""Number of innermost calls in the log."""


class LoadProgress:
    """Watch the thread that loads the model.

    Args:
        interval_seconds: Time between two lines in the log.
    """

    def __init__(self, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self.stage = "load"
        """`load` or `smoke-test`."""
        self._interval = interval_seconds
        self._thread = 0
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since loading started."""
        return time.monotonic() - self._started

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Report on the calling thread while the block runs."""
        self._thread, self._started = threading.get_ident(), time.monotonic()
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(done,), name="load-progress", daemon=True)
        watch.start()
        try:
            yield
        finally:
            done.set()
            watch.join()

    def unfinished(self) -> ModelRejected | None:
        """Return the rejection to leave when the process is ended now; None before the first report."""
        if self.seconds < self._interval:
            return None
        place = next(iter(self.places()), "an unknown place")
        return ModelRejected(
            self.stage,
            "LoadingTookTooLong",
            f"The process was ended after {self.seconds:.0f} s, before the model was ready; the loading "
            f"thread was at {place}.",
            "See what the model waits for there; the log has the place once a minute.",
        )

    def places(self) -> list[str]:
        """Return where the loading thread is: its innermost calls, the last one first."""
        frame = sys._current_frames().get(self._thread)  # noqa: SLF001  documented, for exactly this
        found: list[str] = []
        while frame is not None and len(found) < FRAMES:
            found.append(f"{frame.f_code.co_filename}:{frame.f_lineno} ({frame.f_code.co_name})")
            frame = frame.f_back
        return found

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(self._interval):
            fields = {"stage": self.stage, "at": "; called by ".join(self.places())}
            logger.warning("still loading after %.0f s", self.seconds, extra={"fields": fields})
