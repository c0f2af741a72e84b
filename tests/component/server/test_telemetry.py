"""What a scrape shows, and that no client can make it grow."""

import io
import json
import logging

import pytest
from davit_server.process.app import create_app
from davit_server.telemetry.logging import configure_logging
from support.models.saved import IRIS_COLUMNS, broken_copy
from support.servers.in_process import running, server_settings, serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROW = {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}}


def series(scrape: str) -> dict[str, float]:
    """Everything of ours; the process's own numbers are Prometheus's."""
    lines = [line.rsplit(" ", 1) for line in scrape.splitlines() if line.startswith("davit_")]
    return {name: float(value) for name, value in lines}


async def test_unknown_paths_methods_headers_and_bodies_create_no_time_series():
    async with serving("iris") as client:
        await client.post("/invocations", json=ROW)
        before = series((await client.get("/metrics")).text)
        for number in range(200):
            headers = {
                "x-request-id": f"id-{number}",
                "content-type": f"text/x{number}",
                "host": f"h{number}",
            }
            await client.get(f"/strange/{number}")
            await client.request(f"METHOD{number}", f"/invocations?query={number}")
            await client.post(f"/v2/models/other-{number}/versions/{number}/infer", json={})
            await client.post("/invocations", content=b"x", headers=headers)
        after = series((await client.get("/metrics")).text)
    assert after.keys() == before.keys()
    assert after['davit_requests_total{model="m",outcome="unknown_model",version="7"}'] == 200
    assert after['davit_requests_total{model="m",outcome="unsupported",version="7"}'] == 200


async def test_every_metric_has_the_models_name_and_version():
    async with serving("iris") as client:
        await client.post("/invocations", json=ROW)
        found = series((await client.get("/metrics")).text)
    assert [name for name in found if 'model="m"' not in name or 'version="7"' not in name] == []
    label = '{model="m",version="7"}'
    for name in ("request", "queue", "predict"):
        assert found[f"davit_{name}_duration_seconds_count{label}"] == 1
        assert found[f"davit_{name}_duration_seconds_sum{label}"] > 0
    assert found[f"davit_predicted_rows_total{label}"] == found[f"davit_batch_size_sum{label}"] == 1
    assert found[f"davit_queue_depth{label}"] == found[f"davit_requests_in_flight{label}"] == 0
    assert found[f"davit_model_load_duration_seconds{label}"] > 0
    assert found[f"davit_model_smoke_test_duration_seconds{label}"] > 0
    assert found[f"davit_model_peak_memory_bytes{label}"] > 1 << 20
    assert found[f"davit_ready{label}"] == 1
    assert any(name.startswith("davit_model_info{") and 'plan="' in name for name in found)


async def test_every_series_names_the_modeldeployment_and_track_that_the_operator_set():
    async with serving("iris", deployment="shop/iris", track="stable") as client:
        await client.post("/invocations", json=ROW)
        scrape = (await client.get("/metrics")).text
    lines = [line for line in scrape.splitlines() if not line.startswith("#")]
    own = ('namespace="shop"', 'deployment="iris"', 'track="stable"', 'model="m"', 'version="7"')
    assert [line for line in lines if not all(label in line for label in own)] == []
    assert any(line.startswith("process_cpu_seconds_total{") for line in lines)


async def test_what_fetch_did_is_measured_by_the_server(tmp_path):
    folder = broken_copy("iris", tmp_path)
    (folder / ".davit").mkdir()
    (folder / ".davit" / "report.json").write_text(json.dumps({"seconds": 1.5, "received_bytes": 4096}))
    async with serving(folder) as client:
        found = series((await client.get("/metrics")).text)
    assert found['davit_model_fetch_duration_seconds{model="m",version="7"}'] == 1.5
    assert found['davit_model_fetch_size_bytes{model="m",version="7"}'] == 4096


@pytest.mark.parametrize("wanted", [True, False])
async def test_requests_are_logged_as_json_only_when_configured(wanted, request):
    root, log = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    request.addfinalizer(lambda: (root.handlers.__setitem__(slice(None), handlers), root.setLevel(level)))
    request.addfinalizer(lambda: logging.captureWarnings(capture=False))
    app = create_app(server_settings("iris", access_log=wanted))
    async with running(app) as client:
        configure_logging("INFO", "json", {"model": "m", "version": "7"}, log)
        await client.post("/invocations", json=ROW, headers={"x-request-id": "mine"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    told = [line for line in lines if line["message"] == "request"]
    assert len(told) == wanted
    for line in told:
        assert (line["request_id"], line["status"], line["outcome"]) == ("mine", 200, "ok")
        assert (line["model"], line["version"], line["path"]) == ("m", "7", "/invocations")
        assert "5.1" not in json.dumps({key: value for key, value in line.items() if key != "time"})


async def test_rejected_requests_do_not_count_in_latency_percentiles():
    async with serving("iris", max_rows=3) as client:
        many = {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]] * 4}}
        refused = await client.post("/invocations", json=many)
        before = series((await client.get("/metrics")).text)
        await client.post("/invocations", json=ROW)
        after = series((await client.get("/metrics")).text)
    label = '{model="m",version="7"}'
    assert refused.status_code == 413
    assert before[f"davit_request_duration_seconds_count{label}"] == 0
    assert after[f"davit_request_duration_seconds_count{label}"] == 1
