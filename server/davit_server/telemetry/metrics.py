"""Prometheus metrics that cost well under a microsecond on the hot path and are right with many workers.

All numbers live in one stretch of memory that is shared by the worker processes (an anonymous map made
before they are forked). Each worker writes only its own slab; whoever is scraped adds the slabs up. So no
files are needed, no lock is taken, and what a worker counted survives its death.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

OUTCOMES = (
    "ok",
    "invalid",
    "too_large",
    "unsupported",
    "unknown_model",
    "not_ready",
    "overloaded",
    "deadline",
    "cancelled",
    "model_failed",
    "model_raised",
    "error",
)

REACHED_THE_MODEL = frozenset({"ok", "model_raised", "model_failed", "deadline", "error"})
"""Outcomes whose times count: refusals take microseconds, and would improve percentiles under overload."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, slots=True)
class Layout:
    """One metric: its name, its help text and how many numbers it takes."""

    name: str
    text: str
    kind: str
    bounds: Sequence[float] = ()

    @property
    def size(self) -> int:
        """A histogram takes its buckets, the one beyond the last bound and the sum."""
        if self.kind == "histogram":
            return len(self.bounds) + 2
        return len(OUTCOMES) if self.kind == "outcomes" else 1


LAYOUTS = (
    Layout("davit_requests", "Prediction requests by outcome.", "outcomes"),
    Layout(
        "davit_request_duration_seconds",
        "From a request's first byte to its answer, of requests that reached the model.",
        "histogram",
        SECONDS,
    ),
    Layout("davit_queue_duration_seconds", "From decoded to handed to the model.", "histogram", SECONDS),
    Layout(
        "davit_predict_duration_seconds", "Time in the model, per call of the model.", "histogram", SECONDS
    ),
    Layout("davit_batch_size", "Requests answered by one call of the model.", "histogram", COUNTS),
    Layout("davit_predicted_rows", "Rows predicted.", "counter"),
    Layout("davit_requests_in_flight", "Prediction requests being answered now.", "gauge"),
    Layout("davit_queue_depth", "Requests waiting for the model now.", "gauge"),
    Layout("davit_predictions_abandoned", "Calls of the model that outlived their deadline.", "counter"),
    Layout("davit_worker_restarts", "Worker processes that died and were replaced.", "counter"),
)


def _offsets() -> tuple[dict[str, int], int]:
    """Where each metric starts within a slab, and how long a slab is."""
    starts, position = {}, 0
    for layout in LAYOUTS:
        starts[layout.name] = position
        position += layout.size
    return starts, position


_STARTS, _SLAB = _offsets()


class Histogram:
    """Observations of one worker, counted in buckets."""

    __slots__ = ("_bounds", "_cells", "_start", "_sum")

    def __init__(self, cells: "memoryview[float]", layout: Layout) -> None:
        self._cells = cells
        self._bounds = layout.bounds
        self._start = _STARTS[layout.name]
        self._sum = self._start + layout.size - 1

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._cells[self._start + bisect_left(self._bounds, value)] += 1.0
        self._cells[self._sum] += value


class Number:
    """A counter or gauge of one worker."""

    __slots__ = ("_cells", "_index")

    def __init__(self, cells: "memoryview[float]", name: str) -> None:
        self._cells = cells
        self._index = _STARTS[name]

    def add(self, amount: float = 1.0) -> None:
        """Raise the number, or lower it with a negative amount."""
        self._cells[self._index] += amount

    def set(self, value: float) -> None:
        """Replace the number."""
        self._cells[self._index] = value


class WorkerMetrics:
    """What one worker counts."""

    def __init__(self, cells: "memoryview[float]") -> None:
        self._cells = cells
        by_name = {layout.name: layout for layout in LAYOUTS}
        self._outcomes = {outcome: _STARTS["davit_requests"] + at for at, outcome in enumerate(OUTCOMES)}
        self.request_seconds = Histogram(cells, by_name["davit_request_duration_seconds"])
        self.queue_seconds = Histogram(cells, by_name["davit_queue_duration_seconds"])
        self.predict_seconds = Histogram(cells, by_name["davit_predict_duration_seconds"])
        self.batch_requests = Histogram(cells, by_name["davit_batch_size"])
        self.rows = Number(cells, "davit_predicted_rows")
        self.in_flight = Number(cells, "davit_requests_in_flight")
        self.queue_depth = Number(cells, "davit_queue_depth")
        self.abandoned = Number(cells, "davit_predictions_abandoned")
        self.worker_restarts = Number(cells, "davit_worker_restarts")

    def finish(self, outcome: str, seconds: float) -> None:
        """Count one request under its outcome, and its time if it reached the model."""
        self._cells[self._outcomes[outcome]] += 1.0
        if outcome in REACHED_THE_MODEL:
            self.request_seconds.observe(seconds)

    def forget_present(self) -> None:
        """Clear what was true only while the former worker of this slab lived."""
        self.in_flight.set(0.0)
        self.queue_depth.set(0.0)


class Metrics(Collector):
    """All workers' numbers, and what is known of the model.

    Args:
        workers: How many processes will write; fixed, since the memory is shared by forking.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._cells = memoryview(mmap.mmap(-1, workers * _SLAB * 8)).cast("d")
        self.labels: dict[str, str] = {"model": "", "version": ""}
        self.info: dict[str, str] = {}
        self.facts: dict[str, float] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        if workers == 1:
            ProcessCollector(registry=self._registry)

    def worker(self, index: int = 0) -> WorkerMetrics:
        """The slab of one worker."""
        return WorkerMetrics(self._cells[index * _SLAB : (index + 1) * _SLAB])

    def exposition(self) -> bytes:
        """Everything in the text format that Prometheus scrapes."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Called by the registry on each scrape."""
        names, values = list(self.labels), list(self.labels.values())
        for layout in LAYOUTS:
            yield self._family(layout, names, values)
        for name, value in self.facts.items():
            fact = GaugeMetricFamily(f"davit_{name}", FACTS[name], labels=names)
            fact.add_metric(values, value)
            yield fact
        told = {**self.labels, **self.info}
        info = GaugeMetricFamily("davit_model_info", "The model being served; always 1.", labels=list(told))
        info.add_metric(list(told.values()), 1)
        yield info

    def _family(self, layout: Layout, names: list[str], values: list[str]) -> Metric:
        """One metric with its samples, summed over the workers."""
        start = _STARTS[layout.name]
        total = [
            sum(self._cells[slab * _SLAB + start + at] for slab in range(self._workers))
            for at in range(layout.size)
        ]
        if layout.kind == "histogram":
            return _histogram(layout, names, values, total)
        if layout.kind == "outcomes":
            counter = CounterMetricFamily(layout.name, layout.text, labels=[*names, "outcome"])
            for outcome, count in zip(OUTCOMES, total, strict=True):
                counter.add_metric([*values, outcome], count)
            return counter
        family = CounterMetricFamily if layout.kind == "counter" else GaugeMetricFamily
        single = family(layout.name, layout.text, labels=names)
        single.add_metric(values, total[0])
        return single


FACTS = {
    "ready": "1 when the model answers and the server is not going away.",
    "model_load_duration_seconds": "Time from start of loading until the model could predict.",
    "model_smoke_test_duration_seconds": "Time the smoke test took.",
    "model_smoke_test_passed": "1 when the model's own input example went through the whole path.",
    "model_startup_predictions": "Calls of the model before its first request, by checks and the smoke test.",
    "model_peak_memory_bytes": "Most memory the process held up to the end of the smoke test.",
    "model_fetch_duration_seconds": "Time the download of the model took.",
    "model_fetch_size_bytes": "Bytes downloaded.",
}
"""Single numbers about this process and its model, with their help texts."""


def _histogram(layout: Layout, names: list[str], values: list[str], total: list[float]) -> Metric:
    """Cumulative buckets as Prometheus wants them."""
    family = HistogramMetricFamily(layout.name, layout.text, labels=names)
    buckets, running = [], 0.0
    for bound, count in zip([*map(str, map(float, layout.bounds)), "+Inf"], total[:-1], strict=True):
        running += count
        buckets.append((bound, running))
    family.add_metric(values, buckets=buckets, sum_value=total[-1])
    return family
