"""Every metric of the operator, one row each.

`docs/metrics.md` is generated from this table (`make reference`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from davit_operator.domain import outcomes
from davit_operator.domain.webhook import Outcome

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric.

    Attributes:
        name: As Prometheus stores it; that of a counter ends in `_total`.
        type: Prometheus' type.
        unit: What one is: seconds, requests, …
        help: What it measures, in a sentence.
        labels: Its labels.
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


RECONCILES = MetricRow(
    "davit_operator_reconciles_total",
    "counter",
    "reconciliations",
    "Reconciliations whose outcome was reported in the status of the resource.",
    ("outcome",),
    outcomes=outcomes.RECONCILE,
)
RECONCILE_DURATION = MetricRow(
    "davit_operator_reconcile_duration_seconds",
    "histogram",
    "seconds",
    "Time that a reconciliation takes.",
    buckets=SECONDS,
)
ERRORS = MetricRow(
    "davit_operator_errors_total",
    "counter",
    "reconciliations",
    "Reconciliations that found a problem; while it lasts, each one counts.",
    ("reason",),
)
RESOLVES = MetricRow(
    "davit_operator_resolves_total",
    "counter",
    "requests",
    "Requests to a registry to resolve a model URI.",
    ("outcome",),
    outcomes=outcomes.RESOLVE,
)
RESOLVE_DURATION = MetricRow(
    "davit_operator_resolve_duration_seconds",
    "histogram",
    "seconds",
    "Time that a registry takes to resolve a model URI, failures included.",
    buckets=SECONDS,
)
RESOURCE_CONDITION = MetricRow(
    "davit_operator_resource_condition",
    "gauge",
    "0 or 1",
    "The conditions of each custom resource: 1 for the status that a condition has, 0 for the others. "
    "Reconciling and Stalled are absent while they are not true.",
    ("kind", "namespace", "name", "type", "status"),
)
QUEUE_DEPTH = MetricRow(
    "davit_operator_queue_depth",
    "gauge",
    "resources",
    "Custom resources that wait to be reconciled.",
)
LAST_RESYNC = MetricRow(
    "davit_operator_last_resync_timestamp_seconds",
    "gauge",
    "seconds since 1970",
    "When the last resync ended: all custom resources listed, their model URIs resolved; 0 before the first.",
)
WEBHOOKS_RECEIVED = MetricRow(
    "davit_operator_webhooks_received_total",
    "counter",
    "requests",
    "Requests to the receiver of MLflow's webhook.",
    ("outcome",),
    outcomes={
        Outcome.ACCEPTED: "a valid delivery: what follows the model is resolved again",
        Outcome.IGNORED: "a valid delivery about nothing that a model URI follows",
        Outcome.FORGED: "the signature is missing or wrong",
        Outcome.STALE: "the time stamp is too old, in the future, or before the operator's start",
        Outcome.REPLAYED: "a delivery that was received before",
        Outcome.MALFORMED: "not a delivery: another path, no length, or too large",
    },
)
WEBHOOK_REGISTERED = MetricRow(
    "davit_operator_webhook_registered",
    "gauge",
    "0 or 1",
    "1 while the operator's webhook is registered in MLflow; 0 while aliases are only polled.",
)
BUILD_INFO = MetricRow(
    "davit_operator_build_info", "gauge", "always 1", "The operator's version.", ("version",)
)

METRICS = (
    RECONCILES,
    RECONCILE_DURATION,
    ERRORS,
    RESOLVES,
    RESOLVE_DURATION,
    RESOURCE_CONDITION,
    QUEUE_DEPTH,
    LAST_RESYNC,
    WEBHOOKS_RECEIVED,
    WEBHOOK_REGISTERED,
    BUILD_INFO,
)
"""All rows."""
