"""A registered model on a laptop: found with MLflow's own environment variables, kept in a cache."""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from davit_registry import RegistryError, parse_reference
from davit_registry.credentials import Credentials
from davit_registry.mlflow import MlflowClient, ResolvedModel
from davit_registry.s3_options import S3Options
from davit_registry.trust import trust

from davit_server.artifacts.destination import Destination
from davit_server.artifacts.fetch import Fetch, s3_source
from davit_server.artifacts.mlflow_proxy import ProxySource
from davit_server.artifacts.source import Source
from davit_server.errors import ModelRejected


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model in the cache.

    Attributes:
        path: Its folder.
        name: Registered model, if the reference goes through one.
        version: Its version.
        run_id: The run that made it, where known.
        digest: Of its files.
    """

    path: Path
    name: str | None
    version: int | None
    run_id: str | None
    digest: str


def resolve_and_fetch(uri: str) -> LocalModel:
    """Resolves a reference at `MLFLOW_TRACKING_URI` and downloads its files, unless they are there.

    Raises:
        LookupError: It cannot be had; the message says why and what to do.
    """
    try:
        return asyncio.run(_resolve_and_fetch(uri))
    except (RegistryError, ModelRejected) as error:
        raise LookupError(f"{error.cause}; {error.cure}") from error


async def _resolve_and_fetch(uri: str) -> LocalModel:
    reference = parse_reference(uri)
    if uri.startswith("s3://"):
        return await _fetch(s3_source(uri, _store_options()), ResolvedModel(uri))
    async with _registry_client() as client:
        resolved = await client.resolve(reference)
        return await _fetch(_source(resolved.location, client), resolved, client.url)


async def _fetch(source: Source, resolved: ResolvedModel, registry: str = "") -> LocalModel:
    # By location, not by digest: where the server gives no entity tags, a digest tells sizes only, and two
    # versions of a model often have the same.
    key = hashlib.sha256(f"{registry} {resolved.location}".encode()).hexdigest()
    path = _cache() / key
    bundle = os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"), os.environ.get("AWS_CA_BUNDLE")
    destination = Destination(path, survives_restarts=True)
    report = await Fetch(source, resolved.location, destination, trust(*bundle)).run()
    return LocalModel(path, resolved.name, resolved.version, resolved.run_id, report.digest)


def _source(location: str, client: MlflowClient) -> Source:
    if location.startswith("s3://"):
        return s3_source(location, _store_options())
    if location.startswith("mlflow-artifacts:"):
        return ProxySource(location, client, falls_back=True)
    raise LookupError(
        f"the files at {location} are neither in S3 nor behind MLflow's artifact proxy; if that is a folder "
        "of this machine, give it as a path"
    )


def _registry_client() -> MlflowClient:
    url = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not url.startswith(("http://", "https://")):
        raise LookupError(
            "MLFLOW_TRACKING_URI is not the address of an MLflow server (http://…), where references are "
            "resolved; set it, or give a model's folder"
        )
    user, token = os.environ.get("MLFLOW_TRACKING_USERNAME", ""), os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    login = (
        Credentials(user, os.environ.get("MLFLOW_TRACKING_PASSWORD", ""), token) if user or token else None
    )
    return MlflowClient(url, login, ca_bundle=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"))


def _store_options() -> S3Options:
    """Credentials are found by boto3 as always; MLflow has a variable of its own for the endpoint."""
    endpoint = os.environ.get("MLFLOW_S3_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL", "")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")
    return S3Options(endpoint_url=endpoint, region=region)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "davit" / "models"
