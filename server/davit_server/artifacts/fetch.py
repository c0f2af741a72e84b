"""The plan of a fetch: list, compare the digest, download what is missing, verify, mark complete."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from davit_registry import File
from davit_registry.authorities import authorities_file
from davit_registry.s3_options import S3Options
from davit_registry.trust import trust

from davit_server.artifacts.destination import Destination
from davit_server.artifacts.download import PART_BYTES, Download
from davit_server.artifacts.patience import Patience
from davit_server.artifacts.settings import FetchSettings
from davit_server.artifacts.source import Source
from davit_server.artifacts.verify import STAGE, disk_trouble, require_digest, require_model, require_room
from davit_server.errors import ModelRejected

logger = logging.getLogger(__name__)

_PROGRESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a fetch did.

    Attributes:
        digest: Of the files.
        files: How many there are.
        total_bytes: How large they are together.
        received_bytes: How many bytes came over the network: after a restart fewer than the files have.
        checked_files: How many of those that came had a sum to be checked against.
        seconds: How long it took.
    """

    digest: str
    files: int
    total_bytes: int
    received_bytes: int
    checked_files: int
    seconds: float


async def fetch_model(settings: FetchSettings) -> FetchReport:
    """Puts the model into the destination, verified.

    Raises:
        ModelRejected: The files are not the pinned ones, no model, or do not fit on the disk.
        RegistryError: They cannot be reached.
    """
    source = choose_source(settings)
    destination = Destination(settings.fetch_destination)
    trusted = trust(authorities_file(settings.ca_certificates), settings.aws_ca_bundle)
    fetch = Fetch(source, settings.fetch_location, destination, trusted)
    try:
        return await fetch.run(settings.fetch_digest)
    finally:
        await source.aclose()


class Fetch:
    """One model from one source into one folder.

    Args:
        source: Has the files.
        location: What messages call it.
        destination: Where they go.
        trust: Whom to trust over TLS.
        part_bytes: Size of the ranges that are asked for.
        patience: How often and how long to try again.
    """

    def __init__(
        self,
        source: Source,
        location: str,
        destination: Destination,
        trust: ssl.SSLContext,
        *,
        part_bytes: int = PART_BYTES,
        patience: Patience | None = None,
    ) -> None:
        self._source = source
        self._location = location
        self._destination = destination
        self._trust = trust
        self._part_bytes = part_bytes
        self._patience = patience or Patience()

    async def run(self, digest: str = "") -> FetchReport:
        """Does it all, or what an earlier run left to do.

        Args:
            digest: What the files must have; anything goes when empty.

        Raises:
            ModelRejected: The files are not the pinned ones, no model, or do not fit on the disk.
            RegistryError: They cannot be reached.
        """
        began = time.monotonic()
        files = await self._patience.insist(self._source.list_files)
        found = require_digest(files, digest, self._location)
        require_model(files, self._location)
        total = sum(file.size for file in files)
        try:
            received, checked = await self._bring(files, found)
            seconds = round(time.monotonic() - began, 3)
            report = FetchReport(found, len(files), total, received, checked, seconds)
            if received:
                self._destination.leave_report(asdict(report))
        except OSError as error:
            raise disk_trouble(error) from error
        return report

    async def _bring(self, files: Sequence[File], digest: str) -> tuple[int, int]:
        """Bytes received and files checked."""
        if self._destination.is_complete(digest, files):
            return 0, 0
        with self._destination.prepared(digest, self._location, self._part_bytes) as journal:
            require_room(self._destination.missing_bytes(files), self._destination.path)
            download = Download(
                self._source,
                self._destination,
                journal,
                self._trust,
                part_bytes=self._part_bytes,
                patience=self._patience,
            )
            await _with_progress(download, files)
            await asyncio.to_thread(self._destination.complete, digest, files)
        return download.received_bytes, download.checked_files


def choose_source(settings: FetchSettings) -> Source:
    """The source that a location asks for.

    Raises:
        ModelRejected: None of ours can read it.
    """
    location = settings.fetch_location
    if location.startswith("s3://"):
        return s3_source(location, settings.store_options())
    if location.startswith("mlflow-artifacts:") and settings.registry_url:
        return _proxy_source(settings)
    raise ModelRejected(
        STAGE,
        "UnsupportedStore",
        f"the files at {location} are neither in S3 nor behind MLflow's artifact proxy",
        "log the model to an experiment whose artifacts are, and set DAVIT_REGISTRY_URL for the proxy",
    )


def _proxy_source(settings: FetchSettings) -> Source:
    """A model behind the artifact proxy; only this imports the HTTP client that talks to MLflow."""
    from davit_registry.mlflow import MlflowClient  # noqa: PLC0415

    from davit_server.artifacts.mlflow_proxy import ProxySource  # noqa: PLC0415

    client = MlflowClient(
        settings.registry_url,
        settings.registry_credentials(),
        ca_bundle=authorities_file(settings.ca_certificates) or None,
    )
    return ProxySource(settings.fetch_location, client)


def s3_source(location: str, options: S3Options) -> Source:
    """A model in S3; only this imports boto3, which takes a third of a second that others need not spend."""
    from davit_server.artifacts.s3 import S3Source  # noqa: PLC0415

    return S3Source(location, options)


async def _with_progress(download: Download, files: Sequence[File]) -> None:
    total = sum(file.size for file in files)

    async def tell() -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            received = download.received_bytes
            rate = int(received / (time.monotonic() - began))
            fields = {"received_bytes": received, "total_bytes": total, "bytes_per_second": rate}
            logger.info("downloading", extra={"fields": fields})

    teller = asyncio.create_task(tell())
    try:
        await download.run(files)
    finally:
        teller.cancel()
