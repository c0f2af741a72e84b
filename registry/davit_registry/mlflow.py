"""References resolved over MLflow's REST API, version 2.0 (mlflow.org, "REST API").

One call for a version, two for an alias: never by listing a run's artifacts over the proxy, which takes
minutes for a missing key. Nothing is retried here: callers come back on their own schedule.
"""

import re
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from davit_registry.answers import read_answer
from davit_registry.credentials import Credentials
from davit_registry.errors import InvalidReference, NotFound, Unavailable
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

_API = "/api/2.0/mlflow/"
_TIMEOUT = httpx.Timeout(10.0, connect=3.0)
_MOST_HOPS = 4
_MOST_PAGES = 50
_READY = "LOGGED_MODEL_READY"


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """What a reference names at this moment.

    Attributes:
        location: Where the files are: `mlflow-artifacts:/…`, `s3://…` or another store's URI.
        name: Registered model, when the reference goes through one.
        version: Its version.
        run_id: The run that made it, where MLflow knows.
        model_id: Identifier of the logged model (MLflow 3), where there is one.
    """

    location: str
    name: str | None = None
    version: int | None = None
    run_id: str | None = None
    model_id: str | None = None


class MlflowClient:
    """An MLflow server, asked over HTTP.

    Args:
        url: Its base URL, as `MLFLOW_TRACKING_URI` has it.
        credentials: What proves us; None for a server that asks for nothing.
        ca_bundle: File of certificates to trust instead of the system's.
        transport: Replaces the network in tests.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials | None = None,
        *,
        ca_bundle: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._headers = (credentials or Credentials()).headers()
        self.http = httpx.AsyncClient(
            base_url=self.url,
            headers=self._headers,
            timeout=_TIMEOUT,
            verify=ssl.create_default_context(cafile=ca_bundle) if ca_bundle else True,
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes all connections."""
        await self.http.aclose()

    def login_headers(self) -> dict[str, str]:
        """The headers that prove us, for requests that go to the same server by another client."""
        return dict(self._headers)

    async def resolve(self, reference: Reference) -> ResolvedModel:
        """What a reference names now.

        Raises:
            NotFound: The server answers, and there is no such model, version, alias or run, or none ready.
            InvalidReference: The server cannot make sense of it.
            Denied: The server refuses us.
            Unavailable: No usable answer.
        """
        match reference:
            case RegisteredVersion(name, version):
                return await self._version(name, str(version))
            case RegisteredAlias(name, alias):
                return await self._alias(name, alias)
            case RegisteredStage(name, stage):
                return await self._stage(name, stage)
            case LoggedModel(model_id):
                return await self._logged_model(model_id)
            case RunModel(run_id, name):
                return await self._run_model(run_id, name)
            case StoredModel(uri):
                return ResolvedModel(uri)

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        """One GET below the REST API; the decoded answer.

        Raises:
            NotFound: 404, and 400 where MLflow says so for what does not exist.
            Denied: 401 or 403.
            Unavailable: Anything else but an answer.
        """
        return await self._ask("GET", path, params=query)

    async def _ask(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        try:
            response = await self.http.request(method, _API + path, **content)
        except httpx.HTTPError as error:
            raise Unavailable(
                f"the MLflow server {self.url} gives no answer ({type(error).__name__})",
                reason="RegistryUnreachable",
                cure="check its address, and that it runs and can be reached from here; this is retried",
            ) from error
        return read_answer(response, self.url)

    async def _alias(self, name: str, alias: str) -> ResolvedModel:
        try:
            answer = await self.get("registered-models/alias", name=name, alias=alias)
        except (NotFound, InvalidReference) as error:
            await self._require_model(name)
            raise NotFound(
                f"alias {alias!r} does not exist on registered model {name!r}",
                reason="AliasNotFound",
                cure=f"set it on a version of {name} in MLflow, or refer to a version or alias that exists",
            ) from error
        return await self._located(answer["model_version"])

    async def _version(self, name: str, version: str) -> ResolvedModel:
        try:
            answer = await self.get("model-versions/get", name=name, version=version)
        except NotFound as error:
            await self._require_model(name)
            raise NotFound(
                f"registered model {name!r} has no version {version}",
                reason="VersionNotFound",
                cure="refer to a version that exists in MLflow, or register this one",
            ) from error
        return await self._located(answer["model_version"])

    async def _stage(self, name: str, stage: str) -> ResolvedModel:
        query = {} if stage.lower() == "latest" else {"stages": stage}
        try:
            answer = await self.get("registered-models/get-latest-versions", name=name, **query)
        except InvalidReference as error:
            raise NotFound(
                f"{stage!r} is no stage of MLflow (Production, Staging, Archived, None), nor latest",
                reason="StageUnknown",
                cure="write one of them, or a version number, or use an alias: models:/NAME@ALIAS",
            ) from error
        except NotFound:
            await self._require_model(name)
            raise
        versions = answer.get("model_versions", [])
        if not versions:
            raise NotFound(
                f"no version of registered model {name!r} is in stage {stage!r}",
                reason="StageEmpty",
                cure="move a version into that stage in MLflow, or refer to a version or an alias",
            )
        return await self._located(max(versions, key=lambda found: int(found["version"])))

    async def _require_model(self, name: str) -> None:
        try:
            await self.get("registered-models/get", name=name)
        except NotFound as error:
            raise NotFound(
                f"registered model {name!r} does not exist on {self.url}",
                reason="ModelNotFound",
                cure="check the name, or register the model in MLflow",
            ) from error

    async def _located(self, version: dict[str, Any]) -> ResolvedModel:
        """A model version with the place of its files, which its download URI names in one or more hops."""
        name, number = version["name"], int(version["version"])
        if version.get("status", "READY") != "READY":
            raise NotFound(
                f"version {number} of registered model {name!r} is {version['status']}, not READY",
                reason="VersionNotReady",
                cure="wait until it is registered completely, or register it again",
            )
        answer = await self.get("model-versions/get-download-uri", name=name, version=str(number))
        found = await self._follow(answer.get("artifact_uri") or version.get("source", ""))
        own_source = re.fullmatch("models:/(m-[^/]+)", version.get("source", ""))
        return ResolvedModel(
            location=found.location,
            name=name,
            version=number,
            run_id=version.get("run_id") or found.run_id,
            model_id=found.model_id or (own_source.group(1) if own_source else None),
        )

    async def _follow(self, uri: str, hops: int = _MOST_HOPS) -> ResolvedModel:
        """A place of files may itself be a reference: `runs:/…` and `models:/m-…` are followed."""
        if not uri.startswith(("runs:/", "models:/")):
            return ResolvedModel(uri)
        if not hops:
            raise NotFound(
                f"the source of the model leads in circles through {uri}",
                reason="SourceUnusable",
                cure="register the model again from its run",
            )
        reference = parse_reference(uri)
        if isinstance(reference, LoggedModel):
            return await self._logged_model(reference.model_id)
        if isinstance(reference, RunModel):
            return await self._run_model(reference.run_id, reference.name)
        answer = await self.resolve(reference)
        return await self._follow(answer.location, hops - 1)

    async def _logged_model(self, model_id: str) -> ResolvedModel:
        try:
            answer = await self.get(f"logged-models/{model_id}")
        except NotFound as error:
            raise NotFound(
                f"logged model {model_id!r} does not exist on {self.url}",
                reason="ModelNotFound",
                cure="check the identifier in MLflow, on the run's Models tab",
            ) from error
        return self._described(answer["model"]["info"])

    def _described(self, info: dict[str, Any]) -> ResolvedModel:
        if info.get("status", _READY) != _READY:
            raise NotFound(
                f"logged model {info['model_id']!r} is {info['status']}, not ready",
                reason="ModelNotReady",
                cure="wait until its upload ends, or log it again",
            )
        return ResolvedModel(
            info["artifact_uri"], run_id=info.get("source_run_id") or None, model_id=info["model_id"]
        )

    async def _run_model(self, run_id: str, name: str) -> ResolvedModel:
        try:
            run = (await self.get("runs/get", run_id=run_id))["run"]
        except (NotFound, InvalidReference) as error:
            raise NotFound(
                f"run {run_id!r} does not exist on {self.url}",
                reason="RunNotFound",
                cure="check the run id in MLflow",
            ) from error
        info = run["info"]
        if info.get("lifecycle_stage") == "deleted":
            raise NotFound(f"run {run_id!r} is deleted", reason="RunDeleted", cure="restore it in MLflow")
        logged = await self._logged_by_run(info["experiment_id"], run_id, name)
        if logged:
            return self._described(logged)
        return ResolvedModel(f"{info['artifact_uri'].rstrip('/')}/{name}", run_id=run_id)

    async def _logged_by_run(self, experiment: str, run_id: str, name: str) -> dict[str, Any] | None:
        """The newest model that a run logged under a name; MLflow 2 knows none, its files lie in the run."""
        query: dict[str, Any] = {
            "experiment_ids": [experiment],
            "filter": f"source_run_id='{run_id}'",
            "order_by": [{"field_name": "creation_timestamp", "ascending": False}],
        }
        for _ in range(_MOST_PAGES):
            try:
                answer = await self._ask("POST", "logged-models/search", json=query)
            except NotFound:
                return None
            for model in answer.get("models", []):
                if model["info"].get("name") == name:
                    return dict(model["info"])
            if not answer.get("next_page_token"):
                return None
            query["page_token"] = answer["next_page_token"]
        return None
