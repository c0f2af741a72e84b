"""Calls of a model with a deadline, before there is a batcher."""

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import NoReturn, TypeVar

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
    threading.Thread(target=run, name="check", daemon=True).start()
    try:
        outcome = ended.get(timeout=seconds)
    except queue.Empty as empty:
        raise OverdueError from empty
    return outcome()


def _raise(failure: BaseException) -> NoReturn:
    raise failure
