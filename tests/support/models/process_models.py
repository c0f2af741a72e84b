"""Models that start processes, want the main thread, or do not come to an end: as a server meets them."""

import asyncio
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import joblib
from support.models.saved import ColSpec, ModelSignature, Schema, mlflow, save_python, saver

SLEEP_FOR_EVER = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(3600)"
)
MARK = "DAVIT_TEST_MARK"
"""Processes with the same value of this variable belong to one server."""
SCRATCH = "DAVIT_TEST_SCRATCH"
"""A folder in which models leave what tests look at."""


def marked(mark: str) -> list[int]:
    """The running processes of one server, whatever session they are in and whoever their parent is."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:  # it has just ended, or it belongs to another user
            continue
    return found


def save(path: Path, model: object) -> None:
    """Save a model of one column `x`; no example, so that a row is made up for the smoke test."""
    save_python(path, model, signature=ModelSignature(Schema([ColSpec("double", "x")])))


class Mapping(mlflow.pyfunc.PythonModel):
    """Answers absolute values; how is for subclasses to say."""

    def load_context(self, context):
        pass

    def map(self, values: list[float]) -> list[float]:
        return [abs(value) for value in values]

    def predict(self, context, model_input, params=None):
        return list(self.map(model_input["x"].tolist()))


class ForkPool(Mapping):
    def map(self, values):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(abs, values)


class KeptForkPool(Mapping):
    """A pool that lives as long as the model."""

    def __init__(self):
        self._pool = None

    def map(self, values):
        self._pool = self._pool or multiprocessing.get_context("fork").Pool(2)
        return self._pool.map(abs, values)


class SpawnPool(Mapping):
    def map(self, values):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.map(abs, values)


class KeptSpawnPool(Mapping):
    def __init__(self):
        self._pool = None

    def map(self, values):
        self._pool = self._pool or multiprocessing.get_context("spawn").Pool(1)
        return self._pool.map(abs, values)


class ForkServerPool(Mapping):
    def map(self, values):
        with multiprocessing.get_context("forkserver").Pool(1) as pool:
            return pool.map(abs, values)


class Executor(Mapping):
    """Its processes are no daemons: multiprocessing would wait for them at the exit."""

    def __init__(self):
        self._executor = None

    def map(self, values):
        fork = multiprocessing.get_context("fork")
        self._executor = self._executor or ProcessPoolExecutor(2, mp_context=fork)
        return self._executor.map(abs, values)


class Joblib(Mapping):
    """loky, which keeps its workers for the next call."""

    def map(self, values):
        return joblib.Parallel(n_jobs=2)(joblib.delayed(abs)(value) for value in values)


class Sleeper(Mapping):
    """Starts a program in a session of its own that ignores SIGTERM and never ends."""

    def map(self, values: list[float]) -> list[float]:
        command = [sys.executable, "-c", SLEEP_FOR_EVER]
        started = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
        assert started.stdout
        started.stdout.readline()
        return super().map(values)


class Orphan(Mapping):
    """Starts a program through a shell that ends at once."""

    def map(self, values):
        subprocess.run(["sh", "-c", "sleep 3600 > /dev/null 2>&1 &"], check=True, start_new_session=True)
        return super().map(values)


class Child(Mapping):
    """A process that is no daemon: multiprocessing would wait for it at the exit."""

    def map(self, values):
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(3600,)).start()
        return super().map(values)


class PoolWhileLoading(Mapping):
    def load_context(self, context):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            self.loaded = pool.map(abs, [-1.0, 2.0])


class PoolKeptWhileLoading(Mapping):
    """Left open by a load that does not use it again."""

    def load_context(self, context):
        self.pool = multiprocessing.get_context("fork").Pool(2)
        self.pool.map(abs, [-1.0, 2.0])


class ExecutorWhileLoading(Mapping):
    def load_context(self, context):
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
            self.loaded = executor.submit(abs, -1.0).result()


class SleeperWhileLoading(Sleeper):
    def load_context(self, context):
        Sleeper.map(self, [])
        Path(os.environ[SCRATCH], "loading").touch()
        time.sleep(3600)


class ExitsAfterStarting(Sleeper):
    """Leaves a process behind and gives up."""

    def load_context(self, context):
        Sleeper.map(self, [])
        sys.exit(3)


class Reporting(Mapping):
    """Leaves a child that says what it has inherited, and then waits."""

    def map(self, values):
        pid = os.fork()
        if pid == 0:
            self.report()
            time.sleep(3600)
        return super().map(values)

    def report(self) -> None:
        links = [str(entry.readlink()) for entry in Path("/proc/self/fd").iterdir() if entry.is_symlink()]
        sockets = sum(link.startswith("socket:") for link in links)
        ending: Any = signal.getsignal(signal.SIGTERM)
        interrupting: Any = signal.getsignal(signal.SIGINT)
        handlers = [int(ending), interrupting.__name__]
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        file = Path(os.environ[SCRATCH], "inherited")
        file.with_suffix(".new").write_text(f"{sockets} {handlers} {blocked}")
        file.with_suffix(".new").rename(file)


class Handlers(Mapping):
    """Wants the main thread for handlers of its own, and proves later that they still work."""

    def load_context(self, context):
        self.rang = threading.Event()
        signal.signal(signal.SIGALRM, self.ring)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGINT, lambda *_: None)

    def ring(self, sig, frame):
        self.rang.set()

    def map(self, values):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        return [float(self.rang.wait(60)) for _ in values]


class CurrentLoop(Mapping):
    """Keeps the event loop that it found while loading."""

    def load_context(self, context):
        self.loop = asyncio.get_event_loop()
        self.loop.run_until_complete(asyncio.sleep(0))

    def map(self, values):
        return self.loop.run_until_complete(asyncio.sleep(0, [abs(value) for value in values]))


class RunsLoop(Mapping):
    def load_context(self, context):
        self.loaded = asyncio.run(asyncio.sleep(0, [1.0]))

    def map(self, values):
        return asyncio.run(asyncio.sleep(0, [abs(value) for value in values]))


class LoopWithSignals(Mapping):
    """An event loop that takes over the signals, and Python's wakeup descriptor with them."""

    def load_context(self, context):
        asyncio.run(self.listen())

    async def listen(self) -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: None)


class InsistsOnMainThread(Mapping):
    def load_context(self, context):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("must be loaded in the main thread")


class AlarmThatRaises(Mapping):
    """Its alarm goes off when the main thread has nothing to do any more."""

    def load_context(self, context):
        signal.signal(signal.SIGALRM, self.fail)

    def fail(self, sig, frame):
        raise TimeoutError("too late")

    def map(self, values):
        signal.raise_signal(signal.SIGALRM)
        return super().map(values)


class Stubborn(Mapping):
    """Holds the main thread in a call of C code of many minutes, and swallows SIGTERM."""

    def load_context(self, context):
        signal.signal(signal.SIGTERM, lambda *_: None)
        Path(os.environ[SCRATCH], "loading").touch()
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)


class HangsInPredict(Mapping):
    def map(self, values):
        Path(os.environ[SCRATCH], "predicting").touch()
        time.sleep(3600)


class ExitsZero(Mapping):
    def load_context(self, context):
        sys.exit(0)


class ExitsWithText(Mapping):
    def load_context(self, context):
        raise SystemExit("no configuration")


class Interrupted(Mapping):
    def load_context(self, context):
        raise KeyboardInterrupt


class Cancelled(Mapping):
    def load_context(self, context):
        raise asyncio.CancelledError


class GeneratorLeft(Mapping):
    def load_context(self, context):
        raise GeneratorExit


class ExitsHard(Mapping):
    def load_context(self, context):
        os._exit(0)


for _model in [
    kind for kind in list(globals().values()) if isinstance(kind, type) and issubclass(kind, Mapping)
]:

    def _save(path: Path, model: type = _model) -> None:
        save(path, model())

    _save.__name__ = _model.__name__
    saver(_save)
