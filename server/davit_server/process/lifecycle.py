"""The life of a serving process: from start to ready, and from SIGTERM to its end."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from davit_server.api.identity import Identity
from davit_server.errors import ModelRejected
from davit_server.inference.loading import Loaded, Tried, load_model, rejecting, try_model, unexpected
from davit_server.inference.plan import PlanOptions
from davit_server.inference.progress import LoadProgress
from davit_server.inference.service import InferenceService, Limits
from davit_server.inference.state import Phase, ServerState
from davit_server.process.runners import Runner
from davit_server.runtimes.diagnosis import folder_size, memory_limit
from davit_server.settings import Settings
from davit_server.telemetry import table
from davit_server.telemetry.metrics import Metrics, WorkerMetrics
from davit_server.telemetry.table import MetricRow
from davit_server.termination import TerminationLog, ended_while_loading

logger = logging.getLogger(__name__)


class Lifecycle:
    """Move the state from loading to ready or failed, and on to draining.

    Args:
        settings: Location of the model and limits of requests.
        state: Shared with all routes.
        identity: Gets the run id when the model is loaded.
        metrics: Gets load and smoke-test times.
        worker: Metrics of this worker, for the service.
        runner: Runs loading and checks.
        loaded: A model loaded before this process was forked.
    """

    def __init__(
        self,
        settings: Settings,
        state: ServerState,
        identity: Identity,
        metrics: Metrics,
        worker: WorkerMetrics,
        runner: Runner,
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
        """Awaited by a forked worker that is ready, before it accepts requests."""
        self.progress = LoadProgress()
        """The progress of loading."""
        self._runner = runner
        self._loaded = loaded
        self._termination = TerminationLog(settings.termination_log)
        self._loading: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """Begin loading in the background: liveness answers meanwhile."""
        self._loading = asyncio.get_running_loop().create_task(self._load())
        self._loading.add_done_callback(self._check_settled)

    @property
    def forked(self) -> bool:
        """Whether the model was loaded before this process was forked."""
        return self._loaded is not None

    async def settled(self) -> None:
        """Wait until the model is ready or rejected."""
        if self._loading is not None:
            await asyncio.wait([self._loading])

    def interrupt(self) -> None:
        """Stop waiting for the model; the code that loads it may run until the process ends."""
        self._stopping = True
        if self._loading is not None:
            self._loading.cancel()

    async def stop(self) -> None:
        """Stop loading and release the threads that predict."""
        self.interrupt()
        await self.settled()
        if self._state.service is not None:
            self._state.service.close()

    def drain(self) -> bool:
        """Report not ready to load balancers, while requests are still answered.

        Returns False when there is nothing to drain, because the model never was ready.
        """
        if self._state.phase is not Phase.READY:
            return False
        self._state.phase = Phase.DRAINING
        self._identity.draining = True
        logger.info("draining: still answering for %g s", self._settings.drain_seconds)
        return True

    def end_unfinished(self) -> int:
        """Write a termination message when the process ends while it still loads; return the exit code."""
        return self._termination.write_unfinished(self.progress.unfinished())

    def cannot_listen(self, port: int) -> None:
        """Write a termination message that says that the HTTP server did not run."""
        self._termination.write(
            ModelRejected(
                "serve",
                "CannotListen",
                f"The HTTP server could not run on port {port}.",
                "See the server's log; usually the port is taken: choose another one.",
            )
        )

    async def _load(self) -> None:
        try:
            loaded, tried = await self._runner(self._load_and_try)
        except ModelRejected as rejection:
            self._fail(rejection)
        else:
            self._become_ready(loaded, tried)

    def _check_settled(self, loading: asyncio.Task[None]) -> None:
        """Fail if loading ended in an unexpected way: the process must not stay without model and reason."""
        if self._stopping or self._state.phase is not Phase.LOADING:
            return
        failure = asyncio.CancelledError() if loading.cancelled() else loading.exception()
        logger.error("loading ended unexpectedly", exc_info=failure)
        self._fail(unexpected(failure or asyncio.CancelledError(), self.progress.stage))

    def _load_and_try(self) -> tuple[Loaded, Tried]:
        """Do everything that takes time, outside the event loop."""
        settings, progress = self._settings, self.progress
        path = settings.model_path
        self._termination.write_provisional(ended_while_loading(memory_limit(), folder_size(path)))
        with progress.watched(), rejecting(progress):
            loaded = self._loaded or load_model(path)
            progress.stage = "smoke-test"
            tried = try_model(loaded.model, path, plan_options(settings), settings.max_rows)
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
            "concurrency": tried.plan.concurrency,
            "startup_predictions": tried.plan.predictions + tried.checked.predictions,
            "reasons": "; ".join(tried.plan.reasons),
        }
        logger.info("ready", extra={"fields": fields})

    def _record(self, loaded: Loaded, tried: Tried) -> None:
        """Set the metrics that follow from the loaded model."""
        self._metrics.values |= {
            table.LOAD_DURATION: loaded.seconds,
            table.SMOKE_TEST_DURATION: tried.checked.seconds,
            table.SMOKE_TEST_PASSED: float(bool(tried.checked.by)),
            table.STARTUP_PREDICTIONS: float(tried.plan.predictions + tried.checked.predictions),
            table.PEAK_MEMORY: float(tried.checked.peak_bytes),
            **read_fetch_report(self._settings.model_path),
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
        self._termination.write(rejection)
        logger.error("the model is not served", extra={"fields": rejection.as_dict()})
        self.on_failure()


def plan_options(settings: Settings) -> PlanOptions:
    """Return the constraints on the plan from the settings."""
    return PlanOptions(
        plan=settings.plan,
        tolerance=settings.tolerance,
        batching=settings.batching,
        concurrency=settings.concurrency,
        startup_predictions=settings.startup_predictions != "off",
        deadline_seconds=settings.request_timeout_seconds,
    )


def read_fetch_report(path: Path) -> dict[MetricRow, float]:
    """Return what `davit fetch` recorded beside the model; nothing where it did not run."""
    try:
        report = json.loads((path / ".davit" / "report.json").read_bytes())
        return {
            table.FETCH_DURATION: float(report["seconds"]),
            table.FETCH_SIZE: float(report["received_bytes"]),
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


async def _at_once() -> None:
    """Return at once: there is nothing to wait for."""
