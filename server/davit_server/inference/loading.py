"""Load a model, choose its plan and run its smoke test."""

import contextlib
import ctypes
import gc
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from davit_server.errors import ModelRejected
from davit_server.inference.choice import choose_plan, unchecked_plan
from davit_server.inference.plan import Plan, PlanOptions
from davit_server.inference.progress import LoadProgress
from davit_server.inference.smoke_test import Checked, smoke_test
from davit_server.inference.within import OverdueError, call_within
from davit_server.runtimes.diagnosis import (
    explain_exit,
    explain_load_failure,
    out_of_memory,
    require_model_folder,
)
from davit_server.runtimes.pyfunc import PyfuncModel, load_pyfunc

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A loaded model, not yet tested."""

    model: PyfuncModel
    seconds: float


@dataclass(frozen=True, slots=True)
class Tried:
    """The plan and the smoke test of a model that has passed its checks."""

    plan: Plan
    checked: Checked


def load_model(path: Path) -> Loaded:
    """Load the model in a folder.

    Raises:
        ModelRejected: The model cannot be loaded; with cause and cure.
    """
    started = time.perf_counter()
    require_model_folder(path)
    try:
        model = load_pyfunc(path)
    except Exception as failure:
        logger.debug("loading failed", exc_info=failure)
        raise explain_load_failure(failure, path) from failure
    except BaseException as failure:
        raise explain_exit(failure, "load") from failure
    return Loaded(model, time.perf_counter() - started)


def try_model(model: PyfuncModel, path: Path, options: PlanOptions, max_rows: int) -> Tried:
    """Choose a plan, run the smoke test, and exempt long-lived objects from garbage collection.

    Raises:
        ModelRejected: The model does not answer its own example, or the plan needs a missing library.
    """
    try:
        plan = _plan(model, options)
        checked = smoke_test(model, plan, max_rows, options)
    except MemoryError as failure:
        raise out_of_memory("smoke-test", path) from failure
    settle_memory()
    return Tried(plan, checked)


def _plan(model: PyfuncModel, options: PlanOptions) -> Plan:
    """Return the best plan found in time."""
    if not options.startup_predictions:
        return unchecked_plan(
            model, options, "not batched: predictions before the first request are forbidden"
        )
    try:
        return call_within(options.deadline_seconds, lambda: choose_plan(model, options))
    except (ModelRejected, MemoryError):
        raise
    except OverdueError:
        reason = f"not batched: the checks did not end within {options.deadline_seconds:g} s"
    except BaseException as failure:  # noqa: BLE001  the model's code may raise anything, sys.exit included
        reason = f"not batched: the checks failed with {type(failure).__name__}"
    logger.warning("the model is called by unchanged pyfunc: %s", reason)
    return unchecked_plan(model, options, reason)


def settle_memory() -> None:
    """Release memory that loading no longer needs, and exempt long-lived objects from garbage collection."""
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # glibc; others return freed memory by themselves
        trim(0)


@contextlib.contextmanager
def rejecting(progress: LoadProgress) -> Iterator[None]:
    """Turn any exception of the block into a rejection.

    Args:
        progress: Has the current stage.

    Raises:
        ModelRejected: The block raised a rejection, or any other exception, which becomes one.
    """
    try:
        yield
    except ModelRejected:
        raise
    except BaseException as failure:
        logger.exception("loading failed unexpectedly")
        raise unexpected(failure, progress.stage) from failure


def unexpected(failure: BaseException, stage: str) -> ModelRejected:
    """Return the rejection for an exception that no other rule explains."""
    if not isinstance(failure, Exception):
        return explain_exit(failure, stage)
    return ModelRejected(
        stage,
        "LoadFailed",
        f"Loading failed with {type(failure).__name__}.",
        "See the server's log, which has the traceback.",
    )
