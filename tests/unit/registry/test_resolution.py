"""Against exchanges recorded from a real server: see support/registry/recording.py."""

import json
from dataclasses import replace

import httpx
import pytest
from davit_registry import InvalidReference, NotFound, RegistryError, Unavailable, parse_reference
from davit_registry.errors import NotFinished
from davit_registry.login import RegistryLogin
from davit_registry.mlflow import MlflowClient
from davit_registry.resolved import ResolvedModel
from support.registry.recording import (
    DELETED_RUN,
    LEGACY_RUN,
    MODEL,
    PENDING_MODEL,
    RUN,
    SECOND_MODEL,
    SECOND_RUN,
    URL,
    recorded,
)


def at(location: str, *names: str, uri: str = "", **known: str) -> ResolvedModel:
    return ResolvedModel(uri, URL, location, *names, **known)


FIRST = at(f"mlflow-artifacts:/0/models/{MODEL}/artifacts", "iris", "1", RUN, MODEL)
SECOND = at(f"mlflow-artifacts:/0/models/{SECOND_MODEL}/artifacts", "iris", "2", SECOND_RUN, SECOND_MODEL)
THIRD = at("s3://mlflow/elsewhere/iris", "iris", "3")
UNREGISTERED = at(FIRST.location, run_id=RUN, model_id=MODEL)
LEGACY = at(f"mlflow-artifacts:/0/{LEGACY_RUN}/artifacts/old/model", run_id=LEGACY_RUN)


async def resolve(text: str, transport: httpx.AsyncBaseTransport | None = None) -> ResolvedModel:
    async with MlflowClient(RegistryLogin(URL), transport=transport or recorded()) as client:
        return await client.resolve(parse_reference(text))


async def refused(text: str, transport: httpx.AsyncBaseTransport | None = None) -> RegistryError:
    with pytest.raises(RegistryError) as refusal:
        await resolve(text, transport)
    return refusal.value


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("models:/iris/1", FIRST),
        ("models:/iris/2", SECOND),  # its source is runs:/…
        ("models:/iris/3", THIRD),
        ("models:/iris@champion", FIRST),
        ("models:/iris@challenger", SECOND),
        ("models:/iris/Production", FIRST),
        ("models:/iris/latest", THIRD),
        (f"models:/{MODEL}", UNREGISTERED),
        (f"runs:/{RUN}/model", UNREGISTERED),
        (f"runs:/{LEGACY_RUN}/old/model", LEGACY),  # among the run's artifacts, as MLflow 2 kept them
        ("s3://bucket/model", at("s3://bucket/model")),
    ],
)
async def test_a_reference_resolves_to_what_the_registry_says(text, model):
    assert await resolve(text) == replace(model, uri=text)


async def test_a_copied_version_names_the_files_of_the_original():
    copied = await resolve("models:/iris-production/1")
    assert (copied.name, copied.version) == ("iris-production", "1")
    assert (copied.location, copied.run_id) == (FIRST.location, FIRST.run_id)


@pytest.mark.parametrize(
    ("text", "kind", "reason", "part"),
    [
        ("models:/iris/99", NotFound, "VersionNotFound", "has no version 99, its newest is 3"),
        ("models:/empty/1", NotFound, "VersionNotFound", "has no version 1, it has none"),
        ("models:/empty/latest", NotFound, "VersionNotFound", "'empty' has no version; register"),
        ("models:/iris@nobody", NotFound, "AliasNotFound", "which has challenger, champion; set it on"),
        ("models:/empty@champion", NotFound, "AliasNotFound", "which has none; set it on"),
        ("models:/iris/Staging", NotFound, "StageEmpty", "in stage 'Staging'; move a version"),
        ("models:/iris/Nonsense", InvalidReference, "StageUnknown", "Production, Staging, Archived"),
        ("models:/nobody/1", NotFound, "ModelNotFound", f"'nobody' does not exist on {URL}; check the name"),
        ("models:/nobody@champion", NotFound, "ModelNotFound", "'nobody' does not exist"),
        ("models:/nobody/Production", NotFound, "ModelNotFound", "'nobody' does not exist"),
        ("models:/nobody/latest", NotFound, "ModelNotFound", "'nobody' does not exist"),
        ("models:/m-missing", NotFound, "ModelNotFound", "'m-missing' does not exist"),
        (f"models:/{PENDING_MODEL}", NotFinished, "ModelNotReady", "is LOGGED_MODEL_PENDING"),
        (f"runs:/{RUN}/pending", NotFinished, "ModelNotReady", "wait until its upload ends"),
        (f"runs:/{RUN}/nothing", NotFound, "ModelNotFound", "it logged model, pending; check"),
        (f"runs:/{DELETED_RUN}/model", NotFound, "RunDeleted", "is deleted; restore the run"),
        ("runs:/missing/model", NotFound, "RunNotFound", "run 'missing' does not exist"),
    ],
)
async def test_what_is_missing_is_named_with_its_cure(text, kind, reason, part):
    error = await refused(text)
    assert isinstance(error, kind)
    assert error.reason == reason
    assert part in str(error)


def version(**changed: object) -> dict[str, object]:
    return {
        "name": "iris",
        "version": "1",
        "source": "models:/m-a",
        "status": "READY",
        "run_id": "r",
    } | changed


def server(answers: dict[str, object], status: int = 200) -> httpx.MockTransport:
    """Answers by the last part of the path."""

    def answer(request: httpx.Request) -> httpx.Response:
        found = answers[request.url.path.rpartition("/")[2]]
        return found if isinstance(found, httpx.Response) else httpx.Response(status, json=found)

    return httpx.MockTransport(answer)


async def test_a_version_that_is_not_ready_is_not_served():
    pending = server({"get": {"model_version": version(status="PENDING_REGISTRATION")}})
    error = await refused("models:/iris/1", pending)
    assert (type(error), error.reason) == (NotFinished, "VersionNotReady")
    assert "PENDING_REGISTRATION" in error.cause


async def test_a_circular_source_is_rejected():
    circle = server(
        {"get": {"model_version": version()}, "get-download-uri": {"artifact_uri": "models:/iris/1"}}
    )
    error = await refused("models:/iris/1", circle)
    assert (type(error), error.reason) == (NotFound, "SourceUnusable")


async def test_a_source_is_followed_through_several_references():
    answers = {
        "get": {"model_version": version(source="runs:/r/model")},
        "get-download-uri": {"artifact_uri": "runs:/r/model"},
    }
    run = {
        "run": {
            "info": {"run_id": "r", "experiment_id": "0", "artifact_uri": "mlflow-artifacts:/0/r/artifacts"}
        }
    }
    found = {"models": [], "files": [{"path": "model/MLmodel"}]}

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.endswith("runs/get"):
            return httpx.Response(200, json=run)
        return httpx.Response(200, json=answers.get(path.rpartition("/")[2], found))

    resolved = await resolve("models:/iris/1", httpx.MockTransport(answer))
    assert resolved == at("mlflow-artifacts:/0/r/artifacts/model", "iris", "1", "r", uri="models:/iris/1")


async def test_models_of_mlflow_2_are_artifacts_of_runs():
    def answer(request: httpx.Request) -> httpx.Response:
        match request.url.path.rpartition("mlflow/")[2]:
            case "runs/get":
                info = {"run_id": "r", "experiment_id": "0", "artifact_uri": "s3://b/0/r/artifacts/"}
                return httpx.Response(200, json={"run": {"info": info}})
            case "logged-models/search":
                return httpx.Response(404, text="<!doctype html>Not Found")
        return httpx.Response(200, json={"files": [{"path": "model/MLmodel"}]})

    resolved = await resolve("runs:/r/model", httpx.MockTransport(answer))
    assert resolved == at("s3://b/0/r/artifacts/model", run_id="r", uri="runs:/r/model")


async def test_the_newest_model_of_a_name_counts_across_pages():
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("runs/get"):
            info = {"run_id": "r", "experiment_id": "7", "artifact_uri": "s3://b/r"}
            return httpx.Response(200, json={"run": {"info": info}})
        asked = json.loads(request.content)
        assert asked["experiment_ids"] == ["7"]
        assert asked["filter"] == "source_run_id='r'"
        if "page_token" not in asked:
            models = [{"info": {"name": "other", "model_id": "m-o", "artifact_uri": "s3://b/o"}}]
            return httpx.Response(200, json={"models": models, "next_page_token": "2"})
        same = [
            {"info": {"name": "model", "model_id": f"m-{n}", "artifact_uri": f"s3://b/{n}"}} for n in (2, 1)
        ]
        return httpx.Response(200, json={"models": same})

    assert (await resolve("runs:/r/model", httpx.MockTransport(answer))).model_id == "m-2"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"model_version": []},
        {"model_version": "?"},
        {"model_version": {"name": "iris"}},
        {"model_version": version(source=7)},
    ],
    ids=["nothing", "a list", "text", "half of it", "a number for a source"],
)
async def test_unexpected_json_is_no_mlflow_server(answer):
    error = await refused("models:/iris/1", server({"get": answer, "get-download-uri": {}}))
    assert (type(error), error.reason) == (Unavailable, "NotAnMlflowServer")
    assert URL in error.cause


async def test_a_source_that_is_no_reference_is_refused_with_its_text():
    odd = server({"get": {"model_version": version()}, "get-download-uri": {"artifact_uri": "models:/x"}})
    assert "models:/x" in str(await refused("models:/iris/1", odd))


async def test_a_version_costs_two_requests():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return recorded().handle_request(request)

    await resolve("models:/iris@champion", httpx.MockTransport(answer))
    assert len(asked) == 2


async def test_an_identifier_is_quoted_in_the_path():
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(404, json={"error_code": "RESOURCE_DOES_NOT_EXIST"})

    await refused("models:/m-1?x=..%2f..#", httpx.MockTransport(answer))
    assert asked == ["/api/2.0/mlflow/logged-models/m-1%3Fx%3D..%252f..%23"]
