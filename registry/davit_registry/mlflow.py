"""Resolve references over MLflow's REST API, version 2.0 (mlflow.org, "REST API").

Two calls for a version or an alias, and never a download to find out whether something is there: MLflow's own
client takes minutes to say that `runs:/…` names nothing. Nothing is retried here: callers come back on their
own schedule.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from davit_registry.answers import no_mlflow
from davit_registry.errors import InvalidReference, NotFinished, NotFound, Unavailable
from davit_registry.reference import (
    LoggedModel,
    Reference,
    RegisteredAlias,
    RegisteredStage,
    RegisteredVersion,
    RunModel,
    StoredModel,
    parse_reference,
)
from davit_registry.resolved import ResolvedModel
from davit_registry.rest import MlflowRest

_API = "/api/2.0/mlflow"
_MOST_HOPS = 4
_MOST_PAGES = 50
_MOST_NAMES = 5


class MlflowClient(MlflowRest):
    """An MLflow server that resolves references; constructed as `MlflowRest` is."""

    async def resolve(self, reference: Reference) -> ResolvedModel:
        """Resolve a reference to what it names now.

        Raises:
            NotFound: The server answers, and there is no such model, version, alias or run, or none ready.
            InvalidReference: The server cannot make sense of it.
            Denied: The server refuses us.
            Unavailable: No usable response.
        """
        try:
            found = await self._resolve(reference, _MOST_HOPS)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # JSON without what MLflow's always has.
            raise no_mlflow(f"the server {self.url}") from error
        return replace(found, uri=str(reference))

    async def _resolve(self, reference: Reference, hops: int) -> ResolvedModel:
        match reference:
            case RegisteredVersion(name, version):
                return await self._located(await self._version(name, version), hops)
            case RegisteredAlias(name, alias):
                return await self._located(await self._aliased(name, alias), hops)
            case RegisteredStage():
                return await self._located(await self._staged(reference), hops)
            case LoggedModel(model_id):
                return await self._logged_model(model_id)
            case RunModel(run_id, name):
                return await self._run_model(run_id, name)
            case StoredModel(uri):
                return self._at(uri)

    def _at(self, location: str, *, run_id: str | None = None, model_id: str = "") -> ResolvedModel:
        return ResolvedModel("", self.login.url, location, run_id=run_id or "", model_id=model_id)

    async def _version(self, name: str, version: int) -> dict[str, Any]:
        try:
            answer = await self.get(f"{_API}/model-versions/get", name=name, version=str(version))
        except NotFound as error:
            latest = [found["version"] for found in (await self._model(name)).get("latest_versions", [])]
            newest = f"its newest is {max(map(int, latest))}" if latest else "it has none"
            raise NotFound(
                f"registered model {name!r} has no version {version}, {newest}",
                reason="VersionNotFound",
                cure="refer to a version that exists, or register this one",
            ) from error
        return dict(answer["model_version"])

    async def _aliased(self, name: str, alias: str) -> dict[str, Any]:
        try:
            answer = await self.get(f"{_API}/registered-models/alias", name=name, alias=alias)
        except (NotFound, InvalidReference) as error:  # MLflow says 400 to a missing alias
            others = [found["alias"] for found in (await self._model(name)).get("aliases", [])]
            raise NotFound(
                f"alias {alias!r} does not exist on registered model {name!r}, which has {_listed(others)}",
                reason="AliasNotFound",
                cure="set it on a version in MLflow, or refer to a version or alias that exists",
            ) from error
        return dict(answer["model_version"])

    async def _staged(self, reference: RegisteredStage) -> dict[str, Any]:
        name, stage = reference.name, reference.stage
        query = {} if reference.is_latest else {"stages": stage}
        try:
            answer = await self.get(f"{_API}/registered-models/get-latest-versions", name=name, **query)
        except InvalidReference as error:
            raise InvalidReference(
                f"{stage!r} is neither a version nor a stage of MLflow (Production, Staging, Archived, None)",
                reason="StageUnknown",
                cure="write one of them, latest, a version number, or an alias: models:/NAME@ALIAS",
            ) from error
        except NotFound:
            await self._model(name)
            raise
        versions = answer.get("model_versions", [])
        if not versions and reference.is_latest:
            raise NotFound(
                f"registered model {name!r} has no version",
                reason="VersionNotFound",
                cure="register a version of it in MLflow",
            )
        if not versions:
            raise NotFound(
                f"no version of registered model {name!r} is in stage {stage!r}",
                reason="StageEmpty",
                cure="move a version into that stage in MLflow, or refer to a version or an alias",
            )
        return dict(max(versions, key=lambda found: int(found["version"])))

    async def _model(self, name: str) -> dict[str, Any]:
        """Get the registered model itself, to explain what of it is missing."""
        try:
            return dict((await self.get(f"{_API}/registered-models/get", name=name))["registered_model"])
        except NotFound as error:
            raise NotFound(
                f"registered model {name!r} does not exist on {self.url}",
                reason="ModelNotFound",
                cure="check the name, or register the model in MLflow",
            ) from error

    async def _located(self, version: dict[str, Any], hops: int) -> ResolvedModel:
        """Find the place of a model version's files, which its download URI names in one or more hops."""
        name, number, source = version["name"], int(version["version"]), version.get("source", "")
        if version.get("status", "READY") != "READY":
            raise NotFinished(
                f"version {number} of registered model {name!r} is {version['status']}, not READY",
                reason="VersionNotReady",
                cure="wait until it is registered completely, or register it again",
            )
        query = {"name": name, "version": str(number)}
        answer = await self.get(f"{_API}/model-versions/get-download-uri", **query)
        found = await self._followed(answer.get("artifact_uri") or source, hops)
        logged = re.fullmatch("models:/(m-[^/@]+)", source)
        return replace(
            found,
            name=name,
            version=str(number),
            run_id=version.get("run_id") or found.run_id,
            model_id=found.model_id or (logged.group(1) if logged else ""),
        )

    async def _followed(self, uri: str, hops: int) -> ResolvedModel:
        """Follow a place of files that is itself a reference: `runs:/…` or `models:/…`."""
        if not uri.startswith(("runs:/", "models:/")):
            return self._at(uri)
        if not hops:
            raise NotFound(
                f"the source of the model leads in circles through {uri}",
                reason="SourceUnusable",
                cure="register the model again from its run",
            )
        return await self._resolve(parse_reference(uri), hops - 1)

    async def _logged_model(self, model_id: str) -> ResolvedModel:
        try:
            answer = await self.get(f"{_API}/logged-models/{quote(model_id, safe='')}")
        except (NotFound, InvalidReference) as error:
            raise NotFound(
                f"logged model {model_id!r} does not exist on {self.url}",
                reason="ModelNotFound",
                cure="check the identifier in MLflow, on the run's Models tab",
            ) from error
        return self._ready(answer["model"]["info"])

    def _ready(self, info: dict[str, Any]) -> ResolvedModel:
        """Say where a logged model is, if its upload is complete."""
        if info.get("status", "LOGGED_MODEL_READY") != "LOGGED_MODEL_READY":
            raise NotFinished(
                f"logged model {info['model_id']!r} is {info['status']}, not LOGGED_MODEL_READY",
                reason="ModelNotReady",
                cure="wait until its upload ends, or log it again",
            )
        return self._at(info["artifact_uri"], run_id=info.get("source_run_id"), model_id=info["model_id"])

    async def _run_model(self, run_id: str, name: str) -> ResolvedModel:
        info = await self._run(run_id)
        models = await self._logged_by_run(info["experiment_id"], info["run_id"])
        for model in models:
            if model["name"] == name:
                return self._ready(model)
        await self._require_artifacts(info["run_id"], name, {str(model["name"]) for model in models})
        return self._at(f"{info['artifact_uri'].rstrip('/')}/{name}", run_id=info["run_id"])

    async def _run(self, run_id: str) -> dict[str, Any]:
        try:
            info = dict((await self.get(f"{_API}/runs/get", run_id=run_id))["run"]["info"])
        except (NotFound, InvalidReference) as error:
            raise NotFound(
                f"run {run_id!r} does not exist on {self.url}",
                reason="RunNotFound",
                cure="check the run id in MLflow",
            ) from error
        if info.get("lifecycle_stage") == "deleted":
            raise NotFound(
                f"run {run_id!r} is deleted", reason="RunDeleted", cure="restore the run, or refer to another"
            )
        return info

    async def _logged_by_run(self, experiment: str, run_id: str) -> list[dict[str, Any]]:
        """List the models that a run logged, the newest first; none on a server of MLflow 2."""
        query: dict[str, Any] = {
            "experiment_ids": [experiment],
            "filter": f"source_run_id='{run_id}'",
            "order_by": [{"field_name": "creation_timestamp", "ascending": False}],
        }
        models: list[dict[str, Any]] = []
        for _ in range(_MOST_PAGES):
            try:
                answer = await self.post(f"{_API}/logged-models/search", query)
            except Unavailable as error:
                if error.reason == "NotAnMlflowServer":  # it was one a moment ago, and knows no such call
                    return []
                raise
            models += [model["info"] for model in answer.get("models", [])]
            if not answer.get("next_page_token"):
                break
            query["page_token"] = answer["next_page_token"]
        return models

    async def _require_artifacts(self, run_id: str, name: str, models: Iterable[str]) -> None:
        """Look among a run's other artifacts: MLflow 2 kept models there, and `log_artifacts` still can."""
        answer = await self.get(f"{_API}/artifacts/list", run_id=run_id, path=name)
        if not answer.get("files"):
            raise NotFound(
                f"run {run_id!r} logged no model {name!r}; it logged {_listed(models)}",
                reason="ModelNotFound",
                cure="check the name in MLflow, on the run's page",
            )


def _listed(names: Iterable[str]) -> str:
    """Join some names for a message."""
    known = sorted(names)
    more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
    return ", ".join(known[:_MOST_NAMES]) + more if known else "none"
