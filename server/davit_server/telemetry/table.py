"""Every metric of a serving pod, one row each.

`docs/metrics.md` is generated from this table (`make reference`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

POD_LABELS = {
    "namespace": "The namespace of the ModelDeployment; absent outside a cluster.",
    "deployment": "The name of the ModelDeployment; absent outside a cluster.",
    "track": "The track of the pod, `stable` today; absent outside a cluster.",
    "model": "The name of the model.",
    "version": "The version of the model; `local` without a registry.",
}
"""The labels of every series of a pod: they do not change while it lives."""

OUTCOMES = {
    "ok": "the model answered",
    "invalid": "the request does not fit the protocol or the model's signature",
    "too_large": "too many bytes or rows",
    "unsupported": "a content type that the server does not read",
    "unknown_model": "the path names a model or version that the pod does not serve",
    "not_ready": "the model was not loaded yet, or the pod terminates",
    "overloaded": "the queue was full",
    "deadline": "no answer within the deadline",
    "cancelled": "the client closed the connection, or sent its request too slowly",
    "model_failed": "the model's result cannot be sent, or it ran out of memory",
    "model_raised": "the model raised an exception",
    "error": "a bug in the server",
}
"""How a prediction request can end."""

REACHED_THE_MODEL = frozenset({"ok", "model_raised", "model_failed", "deadline", "error"})
"""Outcomes whose times count: rejections take microseconds, and would improve percentiles under overload."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
COUNTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric.

    Attributes:
        name: As Prometheus stores it; that of a counter ends in `_total`.
        type: Prometheus' type.
        unit: What one is: seconds, bytes, requests, …
        help: What it measures, in a sentence.
        labels: Its labels beside those of every series.
        buckets: The upper bounds of a histogram's buckets, without the infinite one.
        outcomes: The values of its label `outcome`, with their meanings.
    """

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=dict, compare=False)


REQUESTS = MetricRow(
    "davit_requests_total",
    "counter",
    "requests",
    "Prediction requests that have ended.",
    ("outcome",),
    outcomes=OUTCOMES,
)
REQUEST_DURATION = MetricRow(
    "davit_request_duration_seconds",
    "histogram",
    "seconds",
    "Time from the first byte of a request to its response, of requests that reached the model.",
    buckets=SECONDS,
)
QUEUE_DURATION = MetricRow(
    "davit_queue_duration_seconds",
    "histogram",
    "seconds",
    "Time that a decoded request waits for the model.",
    buckets=SECONDS,
)
PREDICT_DURATION = MetricRow(
    "davit_predict_duration_seconds",
    "histogram",
    "seconds",
    "Time that a call of the model takes.",
    buckets=SECONDS,
)
BATCH_SIZE = MetricRow(
    "davit_batch_size",
    "histogram",
    "requests",
    "Requests that one call of the model answers.",
    buckets=COUNTS,
)
PREDICTED_ROWS = MetricRow("davit_predicted_rows_total", "counter", "rows", "Rows that the model predicted.")
REQUESTS_IN_FLIGHT = MetricRow(
    "davit_requests_in_flight", "gauge", "requests", "Prediction requests that have begun and not yet ended."
)
QUEUE_DEPTH = MetricRow("davit_queue_depth", "gauge", "requests", "Requests that wait for the model.")
PREDICTIONS_ABANDONED = MetricRow(
    "davit_predictions_abandoned_total",
    "counter",
    "calls",
    "Calls of the model that exceeded the deadline of their requests.",
)
WORKER_RESTARTS = MetricRow(
    "davit_worker_restarts_total", "counter", "processes", "Worker processes that died and were replaced."
)

COUNTED = (
    REQUESTS,
    REQUEST_DURATION,
    QUEUE_DURATION,
    PREDICT_DURATION,
    BATCH_SIZE,
    PREDICTED_ROWS,
    REQUESTS_IN_FLIGHT,
    QUEUE_DEPTH,
    PREDICTIONS_ABANDONED,
    WORKER_RESTARTS,
)
"""What each worker counts in shared memory; a scrape has the sum over the workers."""

READY = MetricRow(
    "davit_ready",
    "gauge",
    "0 or 1",
    "1 while the model answers; 0 while it loads, and while the pod terminates.",
)
LOAD_DURATION = MetricRow(
    "davit_model_load_duration_seconds", "gauge", "seconds", "Time that loading the model took."
)
SMOKE_TEST_DURATION = MetricRow(
    "davit_model_smoke_test_duration_seconds", "gauge", "seconds", "Time that the smoke test took."
)
SMOKE_TEST_PASSED = MetricRow(
    "davit_model_smoke_test_passed",
    "gauge",
    "0 or 1",
    "1 if the model's own input example passed the smoke test; 0 if the model has none, or it was disabled.",
)
STARTUP_PREDICTIONS = MetricRow(
    "davit_model_startup_predictions",
    "gauge",
    "calls",
    "Calls of the model before its first request, by the checks of plans and batching and by the smoke test.",
)
PEAK_MEMORY = MetricRow(
    "davit_model_peak_memory_bytes",
    "gauge",
    "bytes",
    "Peak memory of the process up to the end of the smoke test.",
)
FETCH_DURATION = MetricRow(
    "davit_model_fetch_duration_seconds", "gauge", "seconds", "Time that downloading the model took."
)
FETCH_SIZE = MetricRow(
    "davit_model_fetch_size_bytes", "gauge", "bytes", "Bytes of the model that were downloaded."
)
MODEL_INFO = MetricRow(
    "davit_model_info",
    "gauge",
    "always 1",
    "The model that the pod serves, in its labels.",
    ("run_id", "digest", "uri", "plan"),
)

RECORDED = (
    READY,
    LOAD_DURATION,
    SMOKE_TEST_DURATION,
    SMOKE_TEST_PASSED,
    STARTUP_PREDICTIONS,
    PEAK_MEMORY,
    FETCH_DURATION,
    FETCH_SIZE,
)
"""Numbers about the pod and its model, known once; absent until then."""

METRICS = (*COUNTED, *RECORDED, MODEL_INFO)
"""All rows, in the order of a scrape."""
