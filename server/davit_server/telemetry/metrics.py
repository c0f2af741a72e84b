"""Prometheus metrics that cost well under a microsecond on the hot path and are right with many workers.

All counts live in one stretch of memory that is shared by the worker processes (an anonymous map made
before they are forked). Each worker writes only its own slab; the process that is scraped sums the slabs. So
no files are needed, no lock is taken, and what a worker counted survives its death.
"""

import mmap
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from davit_server.telemetry import table
from davit_server.telemetry.table import MetricRow

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def _size(row: MetricRow) -> int:
    """Count a row's cells: one an outcome; of a histogram its buckets, the infinite one and the sum."""
    if row.buckets:
        return len(row.buckets) + 2
    return len(row.outcomes) or 1


def _offsets() -> tuple[dict[MetricRow, int], int]:
    """Return where each row starts within a slab, and how long a slab is."""
    starts, position = {}, 0
    for row in table.COUNTED:
        starts[row] = position
        position += _size(row)
    return starts, position


_STARTS, _SLAB = _offsets()


class Histogram:
    """Observations of one worker, counted in buckets."""

    __slots__ = ("_bounds", "_cells", "_start", "_sum")

    def __init__(self, cells: "memoryview[float]", row: MetricRow) -> None:
        self._cells = cells
        self._bounds = row.buckets
        self._start = _STARTS[row]
        self._sum = self._start + _size(row) - 1

    def observe(self, value: float) -> None:
        """Count one observation."""
        self._cells[self._start + bisect_left(self._bounds, value)] += 1.0
        self._cells[self._sum] += value


class Number:
    """A counter or gauge of one worker."""

    __slots__ = ("_cells", "_index")

    def __init__(self, cells: "memoryview[float]", row: MetricRow) -> None:
        self._cells = cells
        self._index = _STARTS[row]

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
        first = _STARTS[table.REQUESTS]
        self._outcomes = {outcome: first + at for at, outcome in enumerate(table.OUTCOMES)}
        self.request_seconds = Histogram(cells, table.REQUEST_DURATION)
        self.queue_seconds = Histogram(cells, table.QUEUE_DURATION)
        self.predict_seconds = Histogram(cells, table.PREDICT_DURATION)
        self.batch_requests = Histogram(cells, table.BATCH_SIZE)
        self.rows = Number(cells, table.PREDICTED_ROWS)
        self.in_flight = Number(cells, table.REQUESTS_IN_FLIGHT)
        self.queue_depth = Number(cells, table.QUEUE_DEPTH)
        self.abandoned = Number(cells, table.PREDICTIONS_ABANDONED)
        self.worker_restarts = Number(cells, table.WORKER_RESTARTS)

    def finish(self, outcome: str, seconds: float) -> None:
        """Count one request under its outcome, and its time if it reached the model."""
        self._cells[self._outcomes[outcome]] += 1.0
        if outcome in table.REACHED_THE_MODEL:
            self.request_seconds.observe(seconds)

    def reset_gauges(self) -> None:
        """Clear what was true only while the former worker of this slab lived."""
        self.in_flight.set(0.0)
        self.queue_depth.set(0.0)


def pod_labels(*, deployment: str, track: str, model: str, version: str) -> dict[str, str]:
    """Return the labels of every series of this process; an empty one is left out.

    The pod names itself, so that the labels are the same whatever scrapes it.

    Args:
        deployment: `namespace/name` of the ModelDeployment; empty outside a cluster.
        track: The track of the pod; empty outside a cluster.
        model: The model's name.
        version: The model's version.
    """
    namespace, _, name = deployment.rpartition("/")
    values = (namespace, name, track, model, version)
    return {label: value for label, value in zip(table.POD_LABELS, values, strict=True) if value}


class Metrics(Collector):
    """All workers' counts, and what is known of the model.

    Args:
        workers: How many processes will write; fixed, since the memory is shared by forking.

    Attributes:
        labels: The labels of every series.
        info: The labels of `davit_model_info`.
        values: The rows of `table.RECORDED` whose values are known.
    """

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._cells = memoryview(mmap.mmap(-1, workers * _SLAB * 8)).cast("d")
        self.labels: dict[str, str] = {}
        self.info: dict[str, str] = {}
        self.values: dict[MetricRow, float] = {}
        # With several workers, each scrape would show the process of another one.
        self._process = ProcessCollector(registry=None) if workers == 1 else None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def worker(self, index: int = 0) -> WorkerMetrics:
        """Return the slab of one worker."""
        return WorkerMetrics(self._cells[index * _SLAB : (index + 1) * _SLAB])

    def exposition(self) -> bytes:
        """Render everything in the text format that Prometheus scrapes."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, as the registry requires; the labels of every series are added here."""
        for family in self._families():
            family.samples = [
                sample._replace(labels=self.labels | sample.labels) for sample in family.samples
            ]
            yield family

    def _families(self) -> Iterator[Metric]:
        yield from map(self._count, table.COUNTED)
        for row in table.RECORDED:
            if row in self.values:
                yield GaugeMetricFamily(row.name, row.help, value=self.values[row])
        yield self._model_info()
        if self._process is not None:
            yield from self._process.collect()

    def _count(self, row: MetricRow) -> Metric:
        """Sum a row over the workers."""
        start = _STARTS[row]
        total = [
            sum(self._cells[slab * _SLAB + start + at] for slab in range(self._workers))
            for at in range(_size(row))
        ]
        if row.type == "histogram":
            return _histogram(row, total)
        if row.type == "gauge":
            return GaugeMetricFamily(row.name, row.help, value=total[0])
        if not row.outcomes:
            return CounterMetricFamily(row.name, row.help, value=total[0])
        counter = CounterMetricFamily(row.name, row.help, labels=row.labels)
        for outcome, count in zip(row.outcomes, total, strict=True):
            counter.add_metric([outcome], count)
        return counter

    def _model_info(self) -> Metric:
        row, known = table.MODEL_INFO, {name: value for name, value in self.info.items() if value}
        family = GaugeMetricFamily(row.name, row.help, labels=list(known))
        family.add_metric(list(known.values()), 1.0)
        return family


def _histogram(row: MetricRow, total: Sequence[float]) -> Metric:
    """Make the cumulative buckets that Prometheus expects."""
    buckets, running = [], 0.0
    for bound, count in zip([*map(str, row.buckets), "+Inf"], total[:-1], strict=True):
        running += count
        buckets.append((bound, running))
    return HistogramMetricFamily(row.name, row.help, buckets=buckets, sum_value=total[-1])
