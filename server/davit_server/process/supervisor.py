"""Several worker processes behind one listening socket, forked after the model is loaded.

The parent loads the model and never predicts: threads of numeric libraries do not survive a fork, and memory
without writes stays shared. While it loads, a small process answers probes. The workers accept requests once
all have passed their own smoke test; then the probe process ends. A worker that dies is counted and replaced
from the parent's copy of the model, in a fraction of the time of loading.
"""

import atexit
import contextlib
import ctypes
import logging
import multiprocessing
import os
import select
import signal
import threading
import time
from asyncio import to_thread
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkProcess
from typing import NoReturn

from davit_server.errors import ModelRejected
from davit_server.flavors.onnx import convert_early
from davit_server.flavors.table import flavor_of
from davit_server.inference.loading import Loaded, load_model, rejecting, settle_memory
from davit_server.inference.progress import LoadProgress
from davit_server.inference.state import ServerState
from davit_server.process.app import create_app
from davit_server.process.descendants import end_descendants, exit_now, exit_within
from davit_server.process.forking import ForkGuard
from davit_server.process.runners import run_never
from davit_server.process.serving import EXIT_REJECTED, ServingProcess
from davit_server.process.signals import EndSignals
from davit_server.process.sockets import listen
from davit_server.runtimes.diagnosis import folder_size, memory_limit
from davit_server.settings import Settings
from davit_server.telemetry.metrics import Metrics
from davit_server.termination import TerminationLog, ended_while_loading

logger = logging.getLogger(__name__)

EXIT_FAILED = 70
EARLY_EXIT_SECONDS = 5.0
MAX_EARLY_EXITS = 5
"""More workers in a row that exit within `EARLY_EXIT_SECONDS` of their start end the whole process."""
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Worker:
    """One of the processes that answer requests."""

    index: int
    process: ForkProcess
    started: float

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self.process.pid is not None  # noqa: S101  it has been started
        return self.process.pid


class Supervisor:
    """Start, watch and end the workers.

    | state | probe process | workers | next state when |
    |---|---|---|---|
    | loading | answers probes | none | loaded; rejected: exit code 1; a signal: ends at once |
    | starting | answers probes | check the model | all are ready; one rejects the model; a signal |
    | serving | ended | answer; dead ones are replaced | a signal; too many early exits |
    | ending | ends last | drain | all have ended |

    Args:
        settings: The server's settings; `workers` is the number of processes.
        forks: Distinguishes our own children from those of the model.
    """

    def __init__(self, settings: Settings, forks: ForkGuard) -> None:
        self._settings = settings
        self._forks = forks
        self._signals = EndSignals()
        self._metrics = Metrics(settings.workers)
        self._termination = TerminationLog(settings.termination_log)
        self._socket = listen(settings.host, settings.port)
        self._ready_reader, self._ready_writer = os.pipe()
        # Nothing is ever written here: the workers wait until the writing end is closed.
        self._release_reader, self._release_writer = os.pipe()
        self._released = False
        self._workers: list[Worker] = []
        self._probe_process: ForkProcess | None = None
        self._ready = 0
        self._early_exits = 0
        self._ending: int | None = None
        self._loaded: Loaded | None = None

    def run(self) -> int:
        """Serve until a signal ends the process; return the exit code: 0 if the model was served."""
        self._signals.install()
        pipes = (self._ready_reader, self._ready_writer, self._release_reader, self._release_writer)
        self._forks.keep_private((*self._signals.descriptors, *pipes))
        self._forks.port = self._socket.getsockname()[1]
        self._probe_process = self._fork(self._serve_probes)
        try:
            self._loaded = self._load()
        except ModelRejected as rejection:
            self._termination.write(rejection)
            logger.error("the model is not served", extra={"fields": rejection.as_dict()})  # noqa: TRY400  the cause is in the fields
            self._stop_probe_process()
            return EXIT_REJECTED
        self._signals.reinstall()
        for index in range(self._settings.workers):
            self._start_worker(index)
        return self._watch()

    def _load(self) -> Loaded:
        """Load the model, and keep what stays in memory out of the garbage collector's way."""
        path, progress = self._settings.model_path, LoadProgress()
        self._termination.write_provisional(ended_while_loading(memory_limit(), folder_size(path)))
        with self._leaving_on_signal(progress), progress.watched(), rejecting(progress):
            loaded = load_model(path)
            if self._settings.plan == "onnx":
                convert_early(flavor_of(loaded.model).graphs(loaded.model))
        self._termination.clear()
        settle_memory()
        return loaded

    @contextlib.contextmanager
    def _leaving_on_signal(self, progress: LoadProgress) -> Iterator[None]:
        """End the process when a signal arrives during the block, which may keep the main thread busy."""
        reader, writer = os.pipe()

        def watch() -> None:
            readable, _, _ = select.select([reader, self._signals.fileno()], [], [])
            if reader not in readable and self._signals.received():
                exit_now(self._termination.write_unfinished(progress.unfinished()))

        thread = threading.Thread(target=watch, name="signals", daemon=True)
        thread.start()
        try:
            yield
        finally:
            # No thread may run when the workers are forked.
            os.write(writer, b".")  # closing is not enough: children of the model may hold it too
            thread.join()
            os.close(reader)
            os.close(writer)

    def _watch(self) -> int:
        """Count ready workers, replace dead ones and pass signals on, until all workers have ended."""
        code = 0
        while self._workers:
            readable, _, _ = select.select([self._ready_reader, self._signals.fileno()], [], [], 0.1)
            if self._ready_reader in readable:
                self._count_ready()
            for sig in self._signals.received():
                self._end(sig)
            for worker in [worker for worker in self._workers if worker.process.exitcode is not None]:
                code = self._handle_worker_exit(worker, worker.process.exitcode or 0) or code
        self._stop_probe_process()
        return code

    def _count_ready(self) -> None:
        self._ready += len(os.read(self._ready_reader, 64))
        if self._ready >= self._settings.workers and not self._released:
            self._release_workers()

    def _handle_worker_exit(self, worker: Worker, exit_code: int) -> int:
        """Replace a worker that has ended, or end the others too. Return the exit code so far."""
        self._workers.remove(worker)
        end_descendants(0, group=worker.pid)  # what the model has started there
        if self._ending is not None:
            return 0
        if exit_code == EXIT_REJECTED:
            self._end(signal.SIGTERM)
            return EXIT_REJECTED
        early = time.monotonic() - worker.started < EARLY_EXIT_SECONDS
        self._early_exits = self._early_exits + 1 if early else 0
        hint = " (probably out of memory)" if exit_code == -signal.SIGKILL else ""
        fields = {"worker": worker.index, "exit_code": exit_code}
        logger.error("a worker died and is replaced%s", hint, extra={"fields": fields})
        if self._early_exits > MAX_EARLY_EXITS:
            self._termination.write(_crash_loop(exit_code))
            self._end(signal.SIGTERM)
            return EXIT_REJECTED
        counted = self._metrics.worker(worker.index)
        counted.worker_restarts.add()
        counted.reset_gauges()
        self._start_worker(worker.index)
        return 0

    def _start_worker(self, index: int) -> None:
        self._workers.append(Worker(index, self._fork(lambda: self._run_worker(index)), time.monotonic()))

    def _run_worker(self, index: int) -> int:
        """Run a worker process; return its exit code."""
        self._close_release_writer()
        process = ServingProcess(self._settings, self._forks)
        app = create_app(
            self._settings, metrics=self._metrics, worker=index, runner=process.runner, loaded=self._loaded
        )
        app.lifecycle.before_listening = partial(self._wait_for_all, app.state)
        return process.run(app, self._settings.drain_seconds, [self._socket])

    async def _wait_for_all(self, state: ServerState) -> None:
        """Report to the parent that this worker is ready; wait until all are."""
        if state.ready:
            os.write(self._ready_writer, b"+")
            await to_thread(os.read, self._release_reader, 1)

    def _release_workers(self) -> None:
        """Stop the probe process and let the workers take over the socket: all are ready."""
        self._stop_probe_process()
        self._close_release_writer()

    def _close_release_writer(self) -> None:
        if not self._released:
            os.close(self._release_writer)
            self._released = True

    def _serve_probes(self) -> int:
        """Answer probes, and everything else with 503, while the model loads."""
        process = ServingProcess(self._settings, self._forks)
        return process.run(create_app(self._settings, runner=run_never), 0.0, [self._socket])

    def _stop_probe_process(self) -> None:
        if self._probe_process is not None:
            self._probe_process.terminate()
            self._probe_process.join()
            self._probe_process = None

    def _end(self, sig: int) -> None:
        """Let all workers drain; none is replaced from now on."""
        if self._ending is None:
            # Otherwise the kernel would go on queueing connections that no process accepts.
            self._socket.close()
            self._close_release_writer()
        self._ending = sig
        for worker in self._workers:
            if worker.process.is_alive():
                os.kill(worker.pid, sig)

    def _fork(self, run: Callable[[], int]) -> ForkProcess:
        """Fork a child that runs a function and exits with the code it returns."""
        child = multiprocessing.get_context("fork").Process(target=_run_child, args=(run, os.getpid()))
        with self._forks.own_child():
            child.start()
        return child


def _run_child(run: Callable[[], int], parent: int) -> NoReturn:
    """Run a child process. It ends like any program, but runs no exit function of its parent."""
    code = EXIT_FAILED
    atexit._clear()  # noqa: SLF001  what newer versions of multiprocessing do
    try:
        # A process group of its own: Ctrl+C reaches only the parent, which passes it on.
        # PR_SET_PDEATHSIG: no child outlives its parent.
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == parent:
            code = run()
    except BaseException:
        logger.exception("a worker failed")
    exit_within(code)
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001  part of the interpreter's exit, which os._exit skips
    atexit._run_exitfuncs()  # noqa: SLF001
    exit_now(code)


def _crash_loop(exit_code: int) -> ModelRejected:
    return ModelRejected(
        "serve",
        "WorkersKeepDying",
        f"Workers die right after their start (exit code {exit_code}).",
        "Look into the server's log; if the code is -9, raise spec.resources.limits.memory.",
    )
