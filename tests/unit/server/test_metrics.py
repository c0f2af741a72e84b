"""Numbers in shared memory: cheap to count, right when summed."""

import pytest
from davit_server.telemetry import table
from davit_server.telemetry.metrics import Metrics, pod_labels
from davit_server.telemetry.table import METRICS, OUTCOMES, REACHED_THE_MODEL, SECONDS
from prometheus_client.parser import text_string_to_metric_families


def scraped(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {
        f"{sample.name}{''.join(f'[{v}]' for k, v in sorted(sample.labels.items()) if k in {'le', 'outcome'})}": sample.value
        for family in families
        for sample in family.samples
    }


def test_workers_are_added_up():
    metrics = Metrics(workers=3)
    for index in range(3):
        metrics.worker(index).finish("ok", 0.002)
        metrics.worker(index).rows.add(10)
    found = scraped(metrics)
    assert found["davit_requests_total[ok]"] == 3
    assert found["davit_predicted_rows_total"] == 30
    assert found["davit_request_duration_seconds_count"] == 3
    assert round(found["davit_request_duration_seconds_sum"], 6) == 0.006


def test_buckets_are_cumulative_and_inclusive():
    metrics = Metrics()
    for seconds in (0.0005, 0.001, 0.0011, 1000.0):
        metrics.worker().request_seconds.observe(seconds)
    found = scraped(metrics)
    assert found["davit_request_duration_seconds_bucket[0.0005]"] == 1
    assert found["davit_request_duration_seconds_bucket[0.001]"] == 2
    assert found["davit_request_duration_seconds_bucket[0.0025]"] == 3
    assert found[f"davit_request_duration_seconds_bucket[{SECONDS[-1]}]"] == 3
    assert found["davit_request_duration_seconds_bucket[+Inf]"] == 4


def test_gauges_of_a_dead_worker_are_dropped_and_counters_kept():
    metrics = Metrics(workers=2)
    worker = metrics.worker(1)
    worker.in_flight.add()
    worker.finish("deadline", 1.0)
    worker.reset_gauges()
    found = scraped(metrics)
    assert found["davit_requests_in_flight"] == 0
    assert found["davit_requests_total[deadline]"] == 1


def test_each_failure_has_an_outcome_that_is_counted():
    from davit_server import errors

    failures = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RequestError)
    ]
    assert {kind.outcome for kind in failures} <= set(OUTCOMES)


def test_each_failure_has_a_status():
    from davit_server import errors
    from davit_server.api.errors import STATUS

    failures = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.RequestError)
    }
    assert failures - {errors.RequestError} == STATUS.keys()


def families(metrics: Metrics):
    return list(text_string_to_metric_families(metrics.exposition().decode()))


def test_a_scrape_has_the_rows_of_the_table_and_the_process():
    metrics = Metrics()
    metrics.values = dict.fromkeys(table.RECORDED, 1.0)
    metrics.info = dict.fromkeys(table.MODEL_INFO.labels, "x")
    found = {family.name: family for family in families(metrics) if not family.name.startswith("process_")}
    assert [*found] == [row.name.removesuffix("_total") for row in METRICS]
    for row in METRICS:
        family = found[row.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (row.type, row.help)
        assert {*row.labels} == {label for sample in family.samples for label in sample.labels} - {"le"}


def test_a_number_that_is_not_known_yet_is_absent():
    assert not {family.name for family in families(Metrics())} & {row.name for row in table.RECORDED}


def test_every_series_of_a_pod_says_whose_it_is():
    metrics = Metrics()
    metrics.values, metrics.info = {table.READY: 1.0}, {"plan": "native"}
    metrics.labels = pod_labels(deployment="shop/iris", track="stable", model="iris", version="3")
    samples = [sample for family in families(metrics) for sample in family.samples]
    assert {sample.name for sample in samples} >= {
        "davit_ready",
        "davit_model_info",
        "process_cpu_seconds_total",
    }
    own = {"namespace": "shop", "deployment": "iris", "track": "stable", "model": "iris", "version": "3"}
    assert all(sample.labels.items() >= own.items() for sample in samples)
    assert [*table.POD_LABELS] == [*own]


@pytest.mark.parametrize(
    ("deployment", "track", "labels"),
    [
        ("", "", {"model", "version"}),
        ("iris", "", {"deployment", "model", "version"}),
        ("shop/iris", "", {"namespace", "deployment", "model", "version"}),
    ],
)
def test_outside_a_cluster_an_unknown_label_is_absent_and_never_empty(
    deployment: str, track: str, labels: set
):
    assert {*pod_labels(deployment=deployment, track=track, model="iris", version="local")} == labels


def test_the_outcomes_that_reach_the_model_are_outcomes():
    assert {*OUTCOMES} > REACHED_THE_MODEL


def test_a_scrape_of_several_workers_does_not_show_the_process_of_one():
    assert not [family.name for family in families(Metrics(workers=2)) if family.name.startswith("process_")]
