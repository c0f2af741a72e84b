"""A registered model on a laptop: found with MLflow's own environment variables, kept in a cache."""

import asyncio
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from davit_registry import RegistryError, StoredModel, parse_reference
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.errors import UnsupportedStore
from davit_registry.login import RegistryLogin
from davit_registry.mlflow import MlflowClient
from davit_registry.resolved import ResolvedModel
from davit_registry.stores.source import StoreAccess
from davit_registry.stores.table import ca_files, open_source, read_environment, store_kind

from davit_server.artifacts.destination import Destination
from davit_server.artifacts.fetch import Fetch
from davit_server.errors import ModelRejected


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model in the cache.

    Attributes:
        path: Its folder.
        source: What the reference resolved to.
        digest: Of its files.
    """

    path: Path
    source: ResolvedModel
    digest: str


def resolve_and_fetch(uri: str) -> LocalModel:
    """Resolve a reference at `MLFLOW_TRACKING_URI` and download its files, unless they are there.

    Raises:
        LookupError: It is not available; the message says why and what to do.
    """
    try:
        return asyncio.run(_resolve_and_fetch(uri))
    except UnsupportedStore as error:
        raise LookupError(f"{error.message}; give a folder of this machine as a path") from error
    except (RegistryError, ModelRejected) as error:
        raise LookupError(error.message) from error


async def _resolve_and_fetch(uri: str) -> LocalModel:
    reference = parse_reference(uri)
    if isinstance(reference, StoredModel):
        return await _fetch(ResolvedModel(uri, "", uri), RegistryLogin(), "")
    login, ca_file = _registry_login(), os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH", "")
    async with MlflowClient(login, ca_file=ca_file) as client:
        resolved = await client.resolve(reference)
        return await _fetch(replace(resolved, registry=client.url), login, ca_file)


async def _fetch(model: ResolvedModel, login: RegistryLogin, ca_file: str) -> LocalModel:
    # By location, not by digest: where the server gives no entity tags, a digest covers sizes only, and two
    # versions of a model often have the same.
    key = hashlib.sha256(f"{model.registry} {model.location}".encode()).hexdigest()
    path = _cache() / key
    access = StoreAccess(
        read_environment(os.environ) | login.environment(),
        ca_file if store_kind(model.location).behind_registry else "",  # AWS has a variable of its own
        streams=True,
    )
    source = open_source(model.location, access)
    destination = Destination(path, survives_restarts=True)
    try:
        ssl_context = create_ssl_context(ca_file, *ca_files(os.environ))
        report = await Fetch(source, model.location, destination, ssl_context).run()
    finally:
        await source.aclose()
    return LocalModel(path, model, report.digest)


def _registry_login() -> RegistryLogin:
    url = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not url.startswith(("http://", "https://")):
        raise LookupError(
            "MLFLOW_TRACKING_URI is not the address of an MLflow server (http://…), where references are "
            "resolved; set it, or give a model's folder"
        )
    return replace(RegistryLogin.from_environment(os.environ, "MLFLOW_TRACKING_"), url=url)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "davit" / "models"
