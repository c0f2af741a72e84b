"""Calls of a model with a deadline, before there is a batcher."""

import logging
import queue
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
        seconds: How long to wait.
        job: What to run.

    Raises:
        OverdueError: It took longer.
        BaseException: Whatever the job raised.
    """
    ended: queue.SimpleQueue[Callable[[], T]] = queue.SimpleQueue()

    def run() -> None:
        try:
            result = job()
        except BaseException as failure:  # noqa: BLE001  carried over to the caller
            ended.put(partial(_raise, failure))
        else:
            ended.put(lambda: result)

    # A daemon: a hung call must not keep the process from exiting.
    thread = threading.Thread(target=run, name="check", daemon=True)
    until = time.monotonic() + seconds
    begun = False
    while True:
        try:
            if not begun:
                begun = True
                thread.start()
            outcome = ended.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty as empty:
            raise OverdueError from empty
        except Exception:
            # A signal handler of the model's that raises does so in the main thread, whatever that does.
            if thread.ident is None:
                raise  # there is no room for another thread
            logger.warning("a signal handler raised while a call was waited for", exc_info=True)
        else:
            return outcome()


def _raise(failure: BaseException) -> NoReturn:
    raise failure
