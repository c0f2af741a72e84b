"""Numbers in shared memory: cheap to count, right when summed."""

from davit_server.telemetry.metrics import LAYOUTS, OUTCOMES, SECONDS, Metrics
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
    worker.forget_present()
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


def test_every_metric_has_a_help_text():
    assert all(layout.text.endswith(".") for layout in LAYOUTS)
