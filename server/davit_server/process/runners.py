"""Run the loading of the model: in a thread of its own, or in the main thread as `mlflow models serve`."""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Runner(Protocol):
    """Run a job outside the event loop; return its result or raise its exception there."""

    async def __call__(self, job: Callable[[], T]) -> T:
        """Run the job."""


async def run_in_daemon(job: Callable[[], T]) -> T:
    """Run a job in a thread that does not keep the process from exiting, unlike those of asyncio's pool."""
    execute, result = _prepare(job)
    threading.Thread(target=execute, name="load", daemon=True).start()
    return await result


async def run_never(job: Callable[[], T]) -> T:
    """Leave the job to another process."""
    del job
    return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


class MainThread:
    """Run jobs in the main thread, which otherwise sleeps.

    Signal handlers, and libraries that require the main thread, work only there.

    Args:
        after_each: Called in the main thread after each job.
    """

    def __init__(self, after_each: Callable[[], None]) -> None:
        self._after_each = after_each
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._busy = False
        self._closed = False

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job as soon as the main thread is free."""
        execute, result = _prepare(job)
        self._jobs.put(execute)
        return await result

    def work(self) -> None:
        """Run jobs until closed. Called by the main thread."""
        while (job := self._next()) is not None and self._begin():
            try:
                job()
                self._after_each()
            finally:
                self._busy = False

    def close(self) -> bool:
        """Begin no further job. Returns whether one is still running."""
        with self._lock:
            self._closed = True
            self._jobs.put(None)
            return self._busy

    def _next(self) -> Callable[[], None] | None:
        while True:
            # A signal handler that the model left behind may raise here.
            try:
                return self._jobs.get()
            except BaseException:
                logger.exception("a signal handler of the model failed")

    def _begin(self) -> bool:
        with self._lock:
            self._busy = not self._closed
            return self._busy


def _prepare(job: Callable[[], T]) -> tuple[Callable[[], None], asyncio.Future[T]]:
    """Return a function that runs a job in any thread, and the future that gets its outcome."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settle_future: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            settle_future(value)

    def execute() -> None:
        try:
            result = job()
        except BaseException as failure:  # noqa: BLE001  carried over to the event loop
            outcome: tuple[Callable[[Any], None], Any] = (future.set_exception, failure)
        else:
            outcome = (future.set_result, result)
        with contextlib.suppress(RuntimeError):  # the event loop is closed: the process is ending
            loop.call_soon_threadsafe(settle, *outcome)

    return execute, future
