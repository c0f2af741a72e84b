"""Prints the progress of the demo: numbered steps with their times and results."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StepPrinter:
    """Prints steps. Times are whole seconds since the step, and since the demo, began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._step = 0

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step and, after success, print how long it took."""
        self._step += 1
        began = time.monotonic()
        self.say(f"\n{self._step}. {title}", indent="")
        yield
        self.say(f"({time.monotonic() - began:.0f} s)")

    def say(self, text: str, indent: str = "   ") -> None:
        """Print lines, indented under the current step."""
        for line in text.splitlines():
            print(f"{indent}{line}".rstrip(), flush=True)

    def end(self, text: str) -> None:
        """Print the result and the total time."""
        self.say(f"\n{text} ({time.monotonic() - self._began:.0f} s in all)", indent="")
