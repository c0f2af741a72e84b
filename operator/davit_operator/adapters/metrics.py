"""What the operator measures about itself, for Prometheus."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import get_args

from davit_registry.reasons import is_known
from davit_resource.conditions import Condition, Truth
from davit_resource.objects import Ref
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from davit_operator import __version__
from davit_operator.adapters import metrics_table as table
from davit_operator.adapters.metrics_table import MetricRow


class PrometheusMetrics:
    """Metrics in a registry of their own."""

    def __init__(self) -> None:
        # They would double the series, and nothing reads them.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no annotations there
        self._registry = CollectorRegistry()
        self._reconciles = self._counter(table.RECONCILES)
        self._duration = self._histogram(table.RECONCILE_DURATION)
        self._errors = self._counter(table.ERRORS)
        self._resolves = self._counter(table.RESOLVES)
        self._resolve = self._histogram(table.RESOLVE_DURATION)
        self._conditions = _Conditions()
        self._registry.register(self._conditions)
        self._queue_depth = self._gauge(table.QUEUE_DEPTH)
        self._last_resync = self._gauge(table.LAST_RESYNC)
        self._webhooks = self._counter(table.WEBHOOKS_RECEIVED)
        self._registered = self._gauge(table.WEBHOOK_REGISTERED)
        self._gauge(table.BUILD_INFO).labels(__version__).set(1)
        ProcessCollector(registry=self._registry)

    def reconciled(self, outcome: str, seconds: float) -> None:
        """Count a reconciliation that has ended."""
        self._reconciles.labels(outcome).inc()
        self._duration.observe(seconds)

    def failed(self, reason: str) -> None:
        """Count a problem; reasons outside the table, which pods may give, share one label."""
        self._errors.labels(reason if is_known(reason) else "Other").inc()

    def resolved(self, outcome: str, seconds: float) -> None:
        """Count a request to a registry to resolve a model URI."""
        self._resolves.labels(outcome).inc()
        self._resolve.observe(seconds)

    def webhook_received(self, outcome: str) -> None:
        """Count a request to the receiver of webhooks."""
        self._webhooks.labels(outcome).inc()

    def webhook_registered(self, *, registered: bool) -> None:
        """Record whether our webhook is in MLflow."""
        self._registered.set(registered)

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """Read the depth of the queue at each scrape."""
        self._queue_depth.set_function(depth)

    def resynced(self, now: datetime) -> None:
        """Record when a resync has ended."""
        self._last_resync.set(now.timestamp())

    def conditions(self, ref: Ref, conditions: Iterable[Condition]) -> None:
        """Record the conditions of a custom resource, in place of those before."""
        self._conditions.present[ref] = {one.type: one.status for one in conditions}

    def forget(self, ref: Ref) -> None:
        """Drop the series of a custom resource that is gone."""
        self._conditions.present.pop(ref, None)

    def render(self) -> bytes:
        """Render everything in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, row: MetricRow) -> Counter:
        """Make a counter; the series of its outcomes begin at 0, so that a rate sees the first one."""
        counter = Counter(row.name, row.help, row.labels, registry=self._registry)
        for outcome in row.outcomes:
            counter.labels(outcome)
        return counter

    def _gauge(self, row: MetricRow) -> Gauge:
        return Gauge(row.name, row.help, row.labels, registry=self._registry)

    def _histogram(self, row: MetricRow) -> Histogram:
        return Histogram(row.name, row.help, row.labels, buckets=row.buckets, registry=self._registry)


class _Conditions(Collector):
    """The conditions of every custom resource, by type."""

    def __init__(self) -> None:
        self.present: dict[Ref, dict[str, str]] = {}

    def collect(self) -> Iterator[Metric]:
        row = table.RESOURCE_CONDITION
        family = GaugeMetricFamily(row.name, row.help, labels=row.labels)
        for ref, conditions in self.present.items():
            for type_, present in conditions.items():
                for status in get_args(Truth):
                    labels = (ref.kind, ref.namespace, ref.name, type_, status)
                    family.add_metric(labels, float(status == present))
        yield family
