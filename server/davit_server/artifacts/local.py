"""A registered model on a laptop: found with MLflow's own environment variables, kept in a cache."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from davit_registry import RegistryError, digest_of, parse_reference
from davit_registry.credentials import Credentials
from davit_registry.mlflow import MlflowClient, ResolvedModel
from davit_registry.s3 import S3Options

from davit_server.artifacts.fetch import fetch_from
from davit_server.artifacts.mlflow_proxy import ProxySource
from davit_server.artifacts.s3 import S3Source
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
        return await _fetch(S3Source(uri, _store_options()), ResolvedModel(uri))
    client = _registry_client()
    try:
        resolved = await client.resolve(reference)
        return await _fetch(_source(resolved.location, client), resolved)
    finally:
        await client.aclose()


async def _fetch(source: Source, resolved: ResolvedModel) -> LocalModel:
    digest = digest_of(await source.list_files())
    path = _cache() / digest.removeprefix("sha256:")
    path.mkdir(parents=True, exist_ok=True)
    await fetch_from(source, resolved.location, path, digest=digest)
    return LocalModel(path, resolved.name, resolved.version, resolved.run_id, digest)


def _source(location: str, client: MlflowClient) -> Source:
    if location.startswith("s3://"):
        return S3Source(location, _store_options())
    if location.startswith("mlflow-artifacts:"):
        # Presigned URLs name the store as the server sees it: often an address inside a cluster.
        return ProxySource(location, client, direct=False)
    raise LookupError(f"the files at {location} are neither in S3 nor behind MLflow's artifact proxy")


def _registry_client() -> MlflowClient:
    url = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not url.startswith(("http://", "https://")):
        raise LookupError("MLFLOW_TRACKING_URI is not set: give the address of the MLflow server, http://…")
    credentials = Credentials(
        username=os.environ.get("MLFLOW_TRACKING_USERNAME", ""),
        password=os.environ.get("MLFLOW_TRACKING_PASSWORD", ""),
        token=os.environ.get("MLFLOW_TRACKING_TOKEN", ""),
    )
    return MlflowClient(url, credentials, ca_bundle=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"))


def _store_options() -> S3Options:
    """Credentials are found by boto3 as always; MLflow has a variable of its own for the endpoint."""
    return S3Options(endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL", ""))


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "davit" / "models"
