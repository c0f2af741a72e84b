"""Headers, errors, metadata and metrics around the predictions."""

import pytest
from prometheus_client.parser import text_string_to_metric_families
from support.models.saved import IRIS_COLUMNS
from support.servers.in_process import serving

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ROW = {"dataframe_split": {"columns": list(IRIS_COLUMNS), "data": [[5.1, 3.5, 1.4, 0.2]]}}


@pytest.mark.parametrize(
    "path", ["/ping", "/v2", "/nowhere", "/metrics", "/docs", "/v2/models/other", "/openapi.json"]
)
async def test_every_response_names_model_and_version(path):
    async with serving("iris", model_run_id="r1") as client:
        answer = await client.get(path, headers={"x-request-id": "abc-1"})
    assert answer.headers["x-davit-model"] == "m"
    assert answer.headers["x-davit-model-version"] == "7"
    assert answer.headers["x-davit-run-id"] == "r1"
    assert answer.headers["x-request-id"] == "abc-1"
    assert answer.headers.get_list("x-request-id") == ["abc-1"]


@pytest.mark.parametrize("path", ["/invocations", "/v2/models/m/infer", "/invocations/"])
async def test_errors_name_model_and_version_too(path):
    async with serving("iris") as client:
        answer = await client.post(path, content=b"{", headers={"content-type": "application/json"})
    assert answer.headers["x-davit-model"] == "m"
    assert len(answer.headers["x-request-id"]) > 8


async def test_an_unsafe_request_id_is_replaced():
    async with serving("iris") as client:
        answer = await client.get("/ping", headers={"x-request-id": "<script>"})
    assert "<" not in answer.headers["x-request-id"]


async def test_a_wrong_path_or_method_gets_the_same_error_object():
    async with serving("iris") as client:
        nowhere, get, wrong_model = (
            await client.get("/nowhere"),
            await client.get("/invocations"),
            await client.get("/v2/models/other"),
        )
    assert (nowhere.status_code, get.status_code, wrong_model.status_code) == (404, 405, 404)
    for answer in (nowhere, get, wrong_model):
        assert answer.json().keys() >= {"error_code", "message"}
    assert "POST" in get.headers["allow"]


async def test_metadata_describes_the_signature():
    async with serving("frame") as client:
        answer = (await client.get("/v2/models/m/versions/7")).json()
        server = (await client.get("/v2")).json()
        ready = await client.get("/v2/models/m/ready")
    assert answer["inputs"] == [{"name": "x", "datatype": "FP64", "shape": [-1]}]
    assert [output["datatype"] for output in answer["outputs"]] == ["FP64", "BYTES", "BOOL"]
    assert server["name"] == "davit"
    assert ready.json() == {"name": "m", "ready": True}


async def test_outcomes_and_latency_are_counted_by_model_and_version():
    async with serving("iris") as client:
        await client.post("/invocations", json=ROW)
        await client.post("/invocations", json={})
        await client.post("/invocations", content=b"x")
        for path in ("/a", "/b", "/c/d"):
            await client.get(path)
        text = (await client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    outcomes = {sample.labels["outcome"]: sample.value for sample in families["davit_requests"].samples}
    assert (outcomes["ok"], outcomes["invalid"], outcomes["unsupported"]) == (1, 1, 1)
    count = next(
        sample
        for sample in families["davit_request_duration_seconds"].samples
        if sample.name.endswith("_count")
    )
    assert count.value == 1, "the other two did not reach the model"
    assert count.labels == {"model": "m", "version": "7"}
    assert "/a" not in text
    assert families["davit_model_info"].samples[0].labels["plan"] == "native"
    assert families["davit_ready"].samples[0].value == 1


async def test_the_request_counter_names_every_outcome_from_the_start():
    async with serving("iris") as client:
        text = (await client.get("/metrics")).text
    assert 'davit_requests_total{model="m",outcome="deadline",version="7"} 0.0' in text
