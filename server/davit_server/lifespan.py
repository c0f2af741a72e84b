"""From start to ready, and from SIGTERM to the end."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from davit_server.api.identity import Identity
from davit_server.errors import ModelRejected
from davit_server.inference.loading import Loaded, Tried, load_model, try_model, unexpected
from davit_server.inference.plan import Wishes
from davit_server.inference.service import InferenceService, Limits
from davit_server.inference.state import Phase, ServerState
from davit_server.runtimes.diagnosis import folder_size, memory_limit
from davit_server.settings import Settings
from davit_server.telemetry.metrics import Metrics, WorkerMetrics
from davit_server.termination import TerminationLog, killed_while_loading

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Lifecycle:
    """Moves the state from loading to ready or failed, and on to draining.

    Args:
        settings: Where the model is and what requests may ask for.
        state: What all routes look at.
        identity: Learns the run id when the model is loaded.
        metrics: Learns load and warm-up times.
        worker: Where the service counts.
        loaded: A model loaded before, in a process that this one was forked from.
    """

    def __init__(
        self,
        settings: Settings,
        state: ServerState,
        identity: Identity,
        metrics: Metrics,
        worker: WorkerMetrics,
        loaded: Loaded | None = None,
    ) -> None:
        self._settings = settings
        self._state = state
        self._identity = identity
        self._metrics = metrics
        self._worker = worker
        self.on_failure: Callable[[], None] = lambda: None
        """Called in the event loop when the model is rejected: ends the process."""
        self.before_listening: Callable[[], Awaitable[None]] = _at_once
        """What a forked worker waits for, once it could answer, before it takes requests."""
        self._loaded = loaded
        self._termination = TerminationLog(settings.termination_log)
        self._loading: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin loading in the background: liveness answers meanwhile."""
        self._loading = asyncio.get_running_loop().create_task(self._load())

    @property
    def forked(self) -> bool:
        """Whether the model was loaded before this process was forked."""
        return self._loaded is not None

    @property
    def loading(self) -> bool:
        """Whether a thread still loads the model."""
        return self._state.phase is Phase.LOADING

    async def settled(self) -> None:
        """Wait until the model is ready or rejected."""
        if self._loading is not None:
            await self._loading

    async def stop(self) -> None:
        """Let go of everything."""
        if self._loading is not None:
            self._loading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loading
        if self._state.service is not None:
            self._state.service.close()

    def drain(self) -> bool:
        """Tell load balancers to look elsewhere while still answering.

        Returns False when there is nothing to drain, because the model never was ready.
        """
        if self._state.phase is not Phase.READY:
            return False
        self._state.phase = Phase.DRAINING
        self._identity.draining = True
        logger.info("draining: still answering for %g s", self._settings.drain_seconds)
        return True

    async def _load(self) -> None:
        try:
            loaded, tried = await run_in_daemon(self._load_and_try)
        except ModelRejected as rejection:
            self._fail(rejection)
        except Exception as failure:
            logger.exception("loading failed unexpectedly")
            self._fail(unexpected(failure))
        else:
            self._become_ready(loaded, tried)

    def _load_and_try(self) -> tuple[Loaded, Tried]:
        """Everything that takes time, away from the event loop."""
        settings = self._settings
        path = settings.model_path
        self._termination.foretell(killed_while_loading(memory_limit(), folder_size(path)))
        loaded = self._loaded or load_model(path)
        wishes = Wishes(settings.plan, settings.tolerance, settings.batching)
        tried = try_model(loaded.model, path, wishes, settings.max_rows)
        self._termination.clear()
        return loaded, tried

    def _become_ready(self, loaded: Loaded, tried: Tried) -> None:
        settings, state = self._settings, self._state
        limits = Limits(
            settings.request_timeout_seconds, settings.max_queue, settings.max_rows, settings.max_body_bytes
        )
        loop = asyncio.get_running_loop()
        state.service = InferenceService(loaded.model, tried.plan, limits, self._worker, loop)
        self._identity.run_id = settings.model_run_id or loaded.model.facts.run_id
        state.checked = tried.checked.note
        self._record(loaded, tried)
        if state.phase is Phase.LOADING:
            state.phase = Phase.READY
        fields = {
            "load_seconds": round(loaded.seconds, 3),
            "smoke_test": tried.checked.note,
            "smoke_test_seconds": round(tried.checked.seconds, 4),
            "plan": tried.plan.name,
            "batching": tried.plan.batching,
            "reasons": "; ".join(tried.plan.reasons),
        }
        logger.info("ready", extra={"fields": fields})

    def _record(self, loaded: Loaded, tried: Tried) -> None:
        """What is now known of the model, as metrics."""
        self._metrics.facts |= {
            "model_load_seconds": loaded.seconds,
            "model_warmup_seconds": tried.checked.seconds,
            "model_checked": float(bool(tried.checked.by)),
            "model_peak_memory_bytes": float(tried.checked.peak_bytes),
            **fetch_facts(self._settings.model_path),
        }
        self._metrics.info = {
            "run_id": self._identity.run_id,
            "digest": self._settings.model_digest,
            "uri": self._settings.model_uri,
            "plan": tried.plan.name,
        }

    def _fail(self, rejection: ModelRejected) -> None:
        self._state.phase = Phase.FAILED
        self._state.failure = rejection
        self._termination.tell(rejection)
        logger.error("the model is not served", extra={"fields": rejection.as_dict()})
        self.on_failure()


def fetch_facts(path: Path) -> dict[str, float]:
    """What `davit fetch` left beside the model about itself; nothing where it did not run."""
    try:
        report = json.loads((path / ".davit" / "report.json").read_bytes())
        return {"fetch_seconds": float(report["seconds"]), "fetch_bytes": float(report["received_bytes"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


async def _at_once() -> None:
    """Nothing to wait for."""


async def run_in_daemon(job: Callable[[], T]) -> T:
    """Run a job in a thread that does not keep the process from exiting, unlike those of asyncio's pool."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(settle_future: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            settle_future(value)

    def run() -> None:
        try:
            result = job()
        except BaseException as failure:  # noqa: BLE001  carried over to the event loop
            outcome: tuple[Callable[[Any], None], Any] = (future.set_exception, failure)
        else:
            outcome = (future.set_result, result)
        with contextlib.suppress(RuntimeError):  # the event loop is closed: the process is ending
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, name="load", daemon=True).start()
    return await future
