"""The plan of a fetch: list, compare the digest, download what is missing, verify, mark complete."""

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path

from davit_registry import File
from davit_registry.credentials import Credentials
from davit_registry.mlflow import MlflowClient
from davit_registry.s3 import S3Options

from davit_server.artifacts.download import Downloader
from davit_server.artifacts.mlflow_proxy import ProxySource
from davit_server.artifacts.s3 import S3Source
from davit_server.artifacts.settings import FetchSettings
from davit_server.artifacts.source import Source
from davit_server.artifacts.verify import STAGE, require_digest, require_model, require_room
from davit_server.errors import ModelRejected

logger = logging.getLogger(__name__)

WORK = ".davit"
"""Folder beside the model's files for what is ours: journals, and the mark of completeness."""
_PROGRESS_SECONDS = 5.0
_FILES_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a fetch did.

    Attributes:
        digest: Of the files.
        files: How many there are.
        received_bytes: How many bytes came over the network, after a restart fewer than the files have.
        seconds: How long it took.
    """

    digest: str
    files: int
    received_bytes: int
    seconds: float


async def fetch_model(settings: FetchSettings) -> FetchReport:
    """Puts the model into the destination, verified.

    Raises:
        ModelRejected: The files are not the pinned ones, no model, or do not fit on the disk.
        RegistryError: They cannot be reached.
    """
    source = choose_source(settings)
    try:
        return await fetch_from(
            source,
            settings.fetch_location,
            settings.fetch_destination,
            digest=settings.fetch_digest,
            ca_bundle=settings.aws_ca_bundle,
        )
    finally:
        await source.aclose()


async def fetch_from(
    source: Source, location: str, destination: Path, *, digest: str = "", ca_bundle: str = ""
) -> FetchReport:
    """The same for any source. `location` is what messages call it."""
    began = time.monotonic()
    files = await source.list_files()
    found = require_digest(files, digest, location)
    require_model(files, location)
    if is_complete(destination, found):
        return FetchReport(found, len(files), 0, time.monotonic() - began)
    (destination / WORK).mkdir(parents=True, exist_ok=True)
    require_room(files, destination)
    downloader = Downloader(source, destination / WORK, ca_bundle=ca_bundle)
    try:
        await _with_progress(_download_all(downloader, files, destination), downloader, files)
    finally:
        downloader.close()
    _mark_complete(destination, found)
    return FetchReport(found, len(files), downloader.received_bytes, time.monotonic() - began)


def choose_source(settings: FetchSettings) -> Source:
    """The source that a location asks for.

    Raises:
        ModelRejected: None of ours can read it.
    """
    location = settings.fetch_location
    if location.startswith("s3://"):
        return S3Source(location, _store_options(settings))
    if location.startswith("mlflow-artifacts:") and settings.registry_url:
        return ProxySource(location, _registry_client(settings))
    raise ModelRejected(
        STAGE,
        "UnsupportedStore",
        f"the files at {location} are neither in S3 nor behind MLflow's artifact proxy",
        "log the model to an experiment whose artifacts are, and set DAVIT_REGISTRY_URL for the proxy",
    )


def is_complete(destination: Path, digest: str) -> bool:
    """Whether an earlier fetch of the same files came to its end here."""
    mark = destination / WORK / "complete"
    return mark.is_file() and mark.read_text() == digest


def _mark_complete(destination: Path, digest: str) -> None:
    half = destination / WORK / "complete.part"
    half.write_text(digest)
    half.rename(destination / WORK / "complete")


async def _download_all(downloader: Downloader, files: Sequence[File], destination: Path) -> None:
    _drop_strangers(files, destination)
    limit = asyncio.Semaphore(_FILES_AT_ONCE)

    async def one(file: File) -> None:
        async with limit:
            await downloader.download(file, destination / file.path)

    # The largest first: it decides when all are there.
    await asyncio.gather(*(one(file) for file in sorted(files, key=lambda file: -file.size)))


def _drop_strangers(files: Sequence[File], destination: Path) -> None:
    """Removes what an earlier fetch of other files left: the folder holds the model and nothing else."""
    wanted = {Path(file.path).parts[0] for file in files} | {WORK, "lost+found"}
    for entry in destination.iterdir():
        if entry.name not in wanted:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


async def _with_progress(work: Awaitable[None], downloader: Downloader, files: Sequence[File]) -> None:
    total = sum(file.size for file in files)

    async def tell() -> None:
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            fields = {"received_bytes": downloader.received_bytes, "total_bytes": total}
            logger.info("downloading", extra={"fields": fields})

    teller = asyncio.create_task(tell())
    try:
        await work
    finally:
        teller.cancel()


def _store_options(settings: FetchSettings) -> S3Options:
    return S3Options(
        access_key_id=settings.aws_access_key_id.get_secret_value(),
        secret_access_key=settings.aws_secret_access_key.get_secret_value(),
        session_token=settings.aws_session_token.get_secret_value(),
        region=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url,
        ca_bundle=settings.aws_ca_bundle,
    )


def _registry_client(settings: FetchSettings) -> MlflowClient:
    credentials = Credentials(
        username=settings.registry_username,
        password=settings.registry_password.get_secret_value(),
        token=settings.registry_token.get_secret_value(),
    )
    return MlflowClient(settings.registry_url, credentials, ca_bundle=settings.registry_ca_file or None)
