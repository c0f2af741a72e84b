"""Several worker processes behind one listening socket, forked after the model is loaded.

The parent loads the model and never predicts: threads of numeric libraries do not survive a fork, and what
nobody writes to stays shared memory. While it loads, a small process (the doorman) answers probes. The
workers take requests only when all have passed their own smoke test; then the doorman leaves. A worker that
dies is counted and replaced from the parent's copy of the model, in a fraction of the time of loading.
"""

import asyncio
import ctypes
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import NoReturn

from davit_server.app import create_app
from davit_server.errors import ModelRejected
from davit_server.inference.loading import Loaded, load_model, settle_memory
from davit_server.inference.state import ServerState
from davit_server.listener import DrainingServer, server_config
from davit_server.runtimes.diagnosis import folder_size, memory_limit
from davit_server.runtimes.onnx import convert_early
from davit_server.settings import Settings
from davit_server.telemetry.metrics import Metrics
from davit_server.termination import TerminationLog, killed_while_loading

logger = logging.getLogger(__name__)

EXIT_REJECTED = 1
QUICK_DEATH_SECONDS = 5.0
MAX_QUICK_DEATHS = 5
"""So many workers that die right after their start, one after another, end the whole process."""
PR_SET_PDEATHSIG = 1


class Supervisor:
    """Starts, watches and ends the workers.

    Args:
        settings: All of them; `workers` says how many.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics(settings.workers)
        self._termination = TerminationLog(settings.termination_log)
        self._socket = listen(settings.host, settings.port)
        self._ready_reader, self._ready_writer = os.pipe()
        # Nothing is ever written here: closing the writing end is what the workers wait for.
        self._gate_reader, self._gate_writer = os.pipe()
        self._open = False
        self._workers: dict[int, tuple[int, float]] = {}
        self._doorman = 0
        self._ready = 0
        self._quick_deaths = 0
        self._ending: int | None = None
        self._loaded: Loaded | None = None

    def run(self) -> int:
        """Serve until told to stop; the exit code says whether the model was served."""
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGINT, self._leave)
        self._doorman = self._fork(self._keep_door)
        try:
            self._loaded = self._load()
        except ModelRejected as rejection:
            self._termination.tell(rejection)
            logger.error("the model is not served", extra={"fields": rejection.as_dict()})  # noqa: TRY400  the cause is told
            self._dismiss_doorman()
            return EXIT_REJECTED
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        for index in range(self._settings.workers):
            self._start_worker(index)
        return self._watch()

    def _leave(self, sig: int, frame: FrameType | None) -> NoReturn:
        """Told to end while the model is being loaded: there is nothing to finish, and nothing went wrong."""
        del sig, frame
        self._termination.clear()
        os._exit(0)

    def _load(self) -> Loaded:
        """The model, with everything that stays put out of the garbage collector's way."""
        path = self._settings.model_path
        self._termination.foretell(killed_while_loading(memory_limit(), folder_size(path)))
        loaded = load_model(path)
        if self._settings.plan == "onnx":
            convert_early(loaded.model)
        self._termination.clear()
        settle_memory()
        return loaded

    def _watch(self) -> int:
        """Until all workers have ended: count the ready, replace the dead, pass signals on."""
        code = 0
        while self._workers:
            self._count_ready()
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                continue
            if pid in self._workers:
                code = self._bury(pid, os.waitstatus_to_exitcode(status)) or code
        self._dismiss_doorman()
        return code

    def _count_ready(self) -> None:
        """Wait a moment for workers that have begun to listen."""
        try:
            readable, _, _ = select.select([self._ready_reader], [], [], 0.1)
        except InterruptedError:
            return
        if readable:
            self._ready += len(os.read(self._ready_reader, 64))
            if self._ready >= self._settings.workers and not self._open:
                self._open_gate()

    def _bury(self, pid: int, exit_code: int) -> int:
        """A worker has ended: replace it, or let the whole end too. Returns the exit code so far."""
        index, started = self._workers.pop(pid)
        if self._ending is not None:
            return 0
        if exit_code == EXIT_REJECTED:
            self._end(signal.SIGTERM)
            return EXIT_REJECTED
        quick = time.monotonic() - started < QUICK_DEATH_SECONDS
        self._quick_deaths = self._quick_deaths + 1 if quick else 0
        hint = " (probably out of memory)" if exit_code == -signal.SIGKILL else ""
        fields = {"worker": index, "exit_code": exit_code}
        logger.error("a worker died and is replaced%s", hint, extra={"fields": fields})
        if self._quick_deaths > MAX_QUICK_DEATHS:
            self._termination.tell(_crash_loop(exit_code))
            self._end(signal.SIGTERM)
            return EXIT_REJECTED
        counted = self._metrics.worker(index)
        counted.worker_restarts.add()
        counted.forget_present()
        self._start_worker(index)
        return 0

    def _start_worker(self, index: int) -> None:
        pid = self._fork(lambda: self._work(index))
        self._workers[pid] = (index, time.monotonic())

    def _work(self, index: int) -> int:
        """A worker's whole life."""
        self._close_gate_writer()
        app = create_app(self._settings, metrics=self._metrics, worker=index, loaded=self._loaded)
        server = DrainingServer(server_config(app, self._settings), app, self._settings.drain_seconds)
        app.lifecycle.on_failure = server.stop
        app.lifecycle.before_listening = partial(self._wait_for_all, app.state)
        server.run(sockets=[self._socket])
        return EXIT_REJECTED if app.state.failure is not None else 0

    async def _wait_for_all(self, state: ServerState) -> None:
        """Tell the parent that this worker could answer; go on when all could."""
        if state.failure is None:
            os.write(self._ready_writer, b"+")
            await asyncio.to_thread(os.read, self._gate_reader, 1)

    def _open_gate(self) -> None:
        """All workers could answer: the doorman leaves, and they take over the socket."""
        self._dismiss_doorman()
        self._close_gate_writer()

    def _close_gate_writer(self) -> None:
        if not self._open:
            os.close(self._gate_writer)
            self._open = True

    def _keep_door(self) -> int:
        """Answer probes, and everything else with 503, while the model loads."""
        app = create_app(self._settings)
        app.lifecycle.start = lambda: None  # type: ignore[method-assign]
        DrainingServer(server_config(app, self._settings), app, 0.0).run(sockets=[self._socket])
        return 0

    def _dismiss_doorman(self) -> None:
        if self._doorman:
            os.kill(self._doorman, signal.SIGTERM)
            os.waitpid(self._doorman, 0)
            self._doorman = 0

    def _on_signal(self, sig: int, frame: FrameType | None) -> None:
        del frame
        self._end(sig)

    def _end(self, sig: int) -> None:
        """Let all workers drain; nobody is replaced from now on."""
        if self._ending is None:
            # Else the kernel would go on to queue connections that nobody takes.
            self._socket.close()
            self._close_gate_writer()
        self._ending = sig
        for pid in self._workers:
            os.kill(pid, sig)

    def _fork(self, live: Callable[[], int]) -> int:
        """A child that runs a function and exits with what it returns."""
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            # Ctrl+C reaches the parent alone, which passes it on; and no child outlives its parent.
            os.setpgid(0, 0)
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if os.getppid() == parent:
                code = live()
        except BaseException:
            logger.exception("a worker failed")
        finally:
            _exit_child(code)


def _exit_child(code: int) -> NoReturn:
    """End without running what the parent registered for its own end."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


def _crash_loop(exit_code: int) -> ModelRejected:
    return ModelRejected(
        "serve",
        "WorkersKeepDying",
        f"Workers die right after their start (exit code {exit_code}).",
        "Look into the server's log; if the code is -9, raise spec.resources.limits.memory.",
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket that children inherit."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener
