"""What the operator measures about itself, as Prometheus reads it."""

from datetime import UTC, datetime

import pytest
from davit_operator.adapters.metrics import PrometheusMetrics
from davit_operator.adapters.metrics_table import METRICS
from davit_operator.domain import outcomes
from davit_operator.domain.errors import ERRORS
from davit_operator.domain.webhook import Outcome
from davit_resource.conditions import Condition
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from prometheus_client.parser import text_string_to_metric_families

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
IRIS = Ref(KIND, "demo", "iris")


def condition(type_: str, status: str) -> Condition:
    return Condition(type=type_, status=status, reason="R", message="m", last_transition_time=NOW)


@pytest.fixture
def metrics() -> PrometheusMetrics:
    """Each of them measured once."""
    metrics = PrometheusMetrics()
    metrics.reconciled("ready", 0.1)
    metrics.failed("AliasNotFound")
    metrics.resolved("resolved", 0.006)
    metrics.webhook_received("forged")
    metrics.webhook_registered(registered=True)
    metrics.watch_queue([1, 2, 3].__len__)
    metrics.resynced(NOW)
    metrics.conditions(IRIS, [condition("Ready", "True"), condition("Available", "Unknown")])
    return metrics


def families(metrics: PrometheusMetrics):
    return {one.name: one for one in text_string_to_metric_families(metrics.render().decode())}


def series(metrics: PrometheusMetrics, name: str) -> dict[tuple[str, ...], float]:
    """The values of a metric by its labels, in the alphabetical order of their names."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in families(metrics).values()
        for sample in family.samples
        if sample.name == name
    }


def test_a_scrape_has_the_rows_of_the_table_and_the_process(metrics: PrometheusMetrics):
    found = {name: family for name, family in families(metrics).items() if not name.startswith("process_")}
    assert {*found} == {row.name.removesuffix("_total") for row in METRICS}
    assert "process_resident_memory_bytes" in families(metrics)
    for row in METRICS:
        family = found[row.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (row.type, row.help)
        assert {*row.labels} == {label for sample in family.samples for label in sample.labels} - {"le"}
        assert row.help.endswith(".")


def test_what_is_counted_is_scraped(metrics: PrometheusMetrics):
    assert series(metrics, "davit_operator_reconciles_total")[("ready",)] == 1
    assert series(metrics, "davit_operator_reconcile_duration_seconds_sum")[()] == 0.1
    assert series(metrics, "davit_operator_resolves_total")[("resolved",)] == 1
    assert series(metrics, "davit_operator_errors_total") == {("AliasNotFound",): 1}
    assert series(metrics, "davit_operator_webhooks_received_total")[("forged",)] == 1
    assert series(metrics, "davit_operator_webhook_registered") == {(): 1}
    assert series(metrics, "davit_operator_queue_depth") == {(): 3}
    assert series(metrics, "davit_operator_last_resync_timestamp_seconds") == {(): NOW.timestamp()}


def test_every_outcome_has_a_series_before_it_happens_so_that_a_rate_sees_the_first_one():
    fresh = PrometheusMetrics()
    classes = {outcomes.of_problem(kind("Reason", "message")) for kind in ERRORS.values()}
    assert classes == {"invalid_spec", "waiting", "unavailable", "denied", "model_rejected"}
    found = {label for (label,) in series(fresh, "davit_operator_reconciles_total")}
    assert found == {*classes, "ready", "error"}
    found = {label for (label,) in series(fresh, "davit_operator_resolves_total")}
    assert found == {*classes, "resolved", "error"}
    found = {label for (label,) in series(fresh, "davit_operator_webhooks_received_total")}
    assert found == {*Outcome}


def test_a_condition_is_one_for_its_status_and_zero_for_the_others(metrics: PrometheusMetrics):
    found = series(metrics, "davit_operator_resource_condition")
    assert found == {
        (KIND, "iris", "demo", status, type_): float(status == present)
        for type_, present in (("Ready", "True"), ("Available", "Unknown"))
        for status in ("True", "False", "Unknown")
    }


def test_a_condition_that_a_resource_has_no_longer_has_no_series(metrics: PrometheusMetrics):
    other = Ref("BatchPrediction", "demo", "iris")
    metrics.conditions(other, [condition("Stalled", "True")])
    metrics.conditions(IRIS, [condition("Ready", "False")])
    types = {(labels[0], labels[4]) for labels in series(metrics, "davit_operator_resource_condition")}
    assert types == {(KIND, "Ready"), ("BatchPrediction", "Stalled")}
    metrics.forget(IRIS)
    metrics.forget(IRIS)
    kinds = {labels[0] for labels in series(metrics, "davit_operator_resource_condition")}
    assert kinds == {"BatchPrediction"}


def test_reasons_that_a_pod_makes_up_share_one_label(metrics: PrometheusMetrics):
    for number in range(3):
        metrics.failed(f"MadeUp{number}")
    assert series(metrics, "davit_operator_errors_total") == {("AliasNotFound",): 1, ("Other",): 3}
