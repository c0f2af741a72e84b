"""Real models with something wrong: the process ends and says what, where and what to do."""

import asyncio
import json
from pathlib import Path

import pytest
from davit_server.process.app import create_app
from support.models.saved import broken_copy
from support.servers.in_process import running, server_settings

pytestmark = pytest.mark.filterwarnings("ignore")


async def rejection_of(folder: Path, tmp_path: Path) -> dict[str, str]:
    told = tmp_path / "termination-log"
    told.touch()
    app = create_app(server_settings(folder, termination_log=told))
    ended = []
    app.lifecycle.on_failure = lambda: ended.append(1)
    async with running(app) as client:
        ready = await client.get("/v2/health/ready")
    assert ended == [1]
    assert ready.status_code == 503
    return json.loads(told.read_text())


async def test_a_folder_without_a_model(tmp_path):
    told = await rejection_of(tmp_path, tmp_path)
    assert (told["stage"], told["reason"]) == ("load", "NotAModel")
    assert "MLmodel" in told["cause"]


async def test_a_missing_library_is_named_with_the_version_the_model_wants(tmp_path):
    folder = broken_copy("picky", tmp_path)
    file = folder / "MLmodel"
    file.write_text(
        file.read_text().replace("loader_module: mlflow.pyfunc.model", "loader_module: fastboost.mlflow")
    )
    (folder / "requirements.txt").write_text("mlflow\nfastboost==1.2.3\n")
    told = await rejection_of(folder, tmp_path)
    assert (told["stage"], told["reason"]) == ("load", "MissingLibrary")
    assert "fastboost" in told["cause"]
    assert "fastboost==1.2.3" in told["cure"]


async def test_a_model_of_another_python_that_does_not_load(tmp_path):
    folder = broken_copy("picky", tmp_path)
    file = folder / "MLmodel"
    lines = file.read_text().splitlines()
    file.write_text(
        "\n".join("    python_version: 3.8.1" if "python_version:" in line else line for line in lines)
    )
    (folder / "python_model.pkl").write_bytes(b"\x80\x04 code of another version")
    told = await rejection_of(folder, tmp_path)
    assert told["reason"] == "WrongPython"
    assert "3.8" in told["cause"]


async def test_a_damaged_pickle(tmp_path):
    folder = broken_copy("picky", tmp_path)
    (folder / "python_model.pkl").write_bytes(b"\x80\x04 this is no pickle")
    told = await rejection_of(folder, tmp_path)
    assert (told["stage"], told["reason"]) == ("load", "UnpicklingFailed")


async def test_a_truncated_estimator(tmp_path):
    folder = broken_copy("iris", tmp_path)
    pickled = folder / "model.pkl"
    pickled.write_bytes(pickled.read_bytes()[:100])
    told = await rejection_of(folder, tmp_path)
    assert (told["stage"], told["reason"]) == ("load", "UnpicklingFailed")


async def test_an_example_that_does_not_fit_the_signature(tmp_path):
    folder = broken_copy("iris", tmp_path)
    (folder / "serving_input_example.json").write_text(
        '{"dataframe_split": {"columns": ["other"], "data": [[1]]}}'
    )
    told = await rejection_of(folder, tmp_path)
    assert (told["stage"], told["reason"]) == ("smoke-test", "SmokeTestFailed")
    assert "'sepal length (cm)'" in told["cause"]


async def test_an_answer_that_contradicts_the_signature(tmp_path):
    folder = broken_copy("liar", tmp_path)
    told = await rejection_of(folder, tmp_path)
    assert (told["stage"], told["reason"]) == ("smoke-test", "SignatureMismatch")
    assert "text" in told["cause"]


async def test_a_model_that_needs_more_memory_than_there_is(tmp_path):
    folder = broken_copy("greedy", tmp_path)
    told = await rejection_of(folder, tmp_path)
    assert (told["stage"], told["reason"]) == ("load", "OutOfMemory")
    assert "spec.resources" in told["cure"]


async def test_a_model_without_an_example_is_served_and_reported_as_unchecked(tmp_path):
    told = tmp_path / "termination-log"
    told.write_text("")
    async with running(create_app(server_settings("nosig", termination_log=told))) as client:
        described = (await client.get("/v2/models/m")).json()
        scrape = (await client.get("/metrics")).text
    assert described["parameters"]["checked"].startswith("unchecked")
    assert 'davit_model_smoke_test_passed{model="m",version="7"} 0.0' in scrape
    assert told.read_text() == "", "nothing to tell"


@pytest.mark.parametrize("model", ["mixed", "tensor", "iris_proba", "params"])
async def test_a_model_with_a_signature_is_checked_by_a_row_generated_from_it(model):
    async with running(create_app(server_settings(model))) as client:
        described = (await client.get("/v2/models/m")).json()
    assert described["parameters"]["checked"].startswith("checked: the model answers a row generated")


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (asyncio.CancelledError(), "InterruptedWhileLoading"),
        (RuntimeError("a bug"), "LoadFailed"),
        (GeneratorExit(), "InterruptedWhileLoading"),
    ],
)
async def test_every_failure_of_loading_has_a_reason(failure, reason, tmp_path):
    async def runner(job):
        raise failure

    told, ended = tmp_path / "termination-log", []
    told.touch()
    app = create_app(server_settings("iris", termination_log=told), runner=runner)
    app.lifecycle.on_failure = lambda: ended.append(1)
    async with running(app):
        assert ended == [1]
    assert json.loads(told.read_text())["reason"] == reason
