"""What the operator counts about itself, for Prometheus."""

from davit_registry.reasons import is_known
from davit_resource.objects import Ref
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from davit_operator import __version__
from davit_operator.domain.webhook import Outcome

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class PrometheusMetrics:
    """Counters in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._reconciles = Counter(
            "davit_operator_reconciles",
            "Reconciliations by what they ended with: Ready, or the class of the problem.",
            ["result"],
            registry=self._registry,
        )
        self._duration = Histogram(
            "davit_operator_reconcile_duration_seconds",
            "How long reconciliations take.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._errors = Counter(
            "davit_operator_errors",
            "Problems met, by reason; every look at a ModelDeployment that has one counts.",
            ["reason"],
            registry=self._registry,
        )
        self._resolves = Counter(
            "davit_operator_resolves",
            "References looked up in a registry, by what came of it: Resolved, or the class of the problem.",
            ["result"],
            registry=self._registry,
        )
        self._resolve = Histogram(
            "davit_operator_resolve_duration_seconds",
            "How long the registry takes to resolve a reference, failures included.",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._ready = Gauge(
            "davit_operator_model_deployment_ready",
            "1 when the wanted version answers with all its replicas.",
            ["namespace", "name"],
            registry=self._registry,
        )
        self._webhooks = Counter(
            "davit_operator_webhooks_received",
            "Requests to the receiver of MLflow's webhook, by what became of them.",
            ["outcome"],
            registry=self._registry,
        )
        self._subscribed = Gauge(
            "davit_operator_webhook_registered",
            "1 while MLflow has our webhook; 0 when aliases are only polled.",
            registry=self._registry,
        )
        for outcome in Outcome:
            self._webhooks.labels(outcome.value)
        info = Gauge("davit_operator_build_info", "Always 1.", ["version"], registry=self._registry)
        info.labels(__version__).set(1)

    def reconciled(self, result: str, seconds: float) -> None:
        """One reconciliation ended."""
        self._reconciles.labels(result).inc()
        self._duration.observe(seconds)

    def failed(self, reason: str) -> None:
        """One reconciliation met a problem. Pods give reasons as well: unknown ones share one label."""
        self._errors.labels(reason if is_known(reason) else "Other").inc()

    def resolved(self, result: str, seconds: float) -> None:
        """The registry was asked what a reference names: what came of it, and after how long."""
        self._resolves.labels(result).inc()
        self._resolve.observe(seconds)

    def hinted(self, outcome: str) -> None:
        """A request came to the receiver of webhooks."""
        self._webhooks.labels(outcome).inc()

    def subscribed(self, *, yes: bool) -> None:
        """Whether our webhook is in MLflow."""
        self._subscribed.set(yes)

    def ready(self, ref: Ref, *, ready: bool) -> None:
        """Whether a ModelDeployment is ready."""
        self._ready.labels(ref.namespace, ref.name).set(ready)

    def forget(self, ref: Ref) -> None:
        """A ModelDeployment is gone; its series goes with it."""
        self._ready.remove(ref.namespace, ref.name)

    def render(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
