"""Call the model with a deadline while it is checked, before there is a scheduler."""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import NoReturn, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class OverdueError(Exception):
    """A call did not end within its deadline; its thread is abandoned."""


def call_within(seconds: float, job: Callable[[], T]) -> T:
    """Run a job in a thread of its own and wait for it.

    Args:
        seconds: The deadline.
        job: The function to run.

    Raises:
        OverdueError: The job exceeded the deadline.
        BaseException: Any exception of the job.
    """
    outcomes: list[Callable[[], T]] = []
    ended = threading.Event()

    def run() -> None:
        try:
            result = job()
        except BaseException as failure:  # noqa: BLE001  carried over to the caller
            outcomes.append(partial(_raise, failure))
        else:
            outcomes.append(lambda: result)
        ended.set()

    # A daemon: a hung call must not keep the process from exiting.
    thread = threading.Thread(target=run, name="check", daemon=True)
    until = time.monotonic() + seconds
    _undisturbed(thread.start)
    if thread.ident is None:
        thread.start()  # raises the reason why it could not be started
    while not outcomes and time.monotonic() < until:
        _undisturbed(partial(ended.wait, until - time.monotonic()))
    if not outcomes:
        raise OverdueError
    return outcomes[0]()


def _undisturbed(step: Callable[[], object]) -> None:
    """Take a step in spite of the model's signal handlers.

    Python runs them in the main thread at any point; one that raises interrupts the step.
    """
    try:
        step()
    except Exception:
        logger.warning("a signal handler raised during a wait for a call", exc_info=True)


def _raise(failure: BaseException) -> NoReturn:
    raise failure
