"""The steps of a fetch: list, compare the digest, download what is missing, verify, mark complete."""

import asyncio
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from davit_registry import File
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.stores.source import Source
from davit_registry.stores.table import ca_files, open_source

from davit_server.artifacts.destination import Destination
from davit_server.artifacts.download import PART_BYTES, Download
from davit_server.artifacts.retry import RetryPolicy
from davit_server.artifacts.settings import FetchSettings
from davit_server.artifacts.verify import disk_trouble, require_digest, require_model, require_room

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
        checked_files: How many of those that came had a checksum.
        seconds: How long it took.
    """

    digest: str
    files: int
    total_bytes: int
    received_bytes: int
    checked_files: int
    seconds: float


async def fetch_model(settings: FetchSettings) -> FetchReport:
    """Put the model into the destination, verified.

    Raises:
        ModelRejected: The files are not the pinned ones, no model, or do not fit on the disk.
        RegistryError: They cannot be reached.
    """
    source = open_source(settings.fetch_location, settings.store_access())
    destination = Destination(settings.fetch_destination)
    ssl_context = create_ssl_context(settings.ca_file, *ca_files(settings.store_variables))
    fetch = Fetch(source, settings.fetch_location, destination, ssl_context)
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
        ssl_context: The CA certificates to trust.
        part_bytes: Size of the ranges to request.
        retry: How often and how long to retry.
    """

    def __init__(
        self,
        source: Source,
        location: str,
        destination: Destination,
        ssl_context: ssl.SSLContext,
        *,
        part_bytes: int = PART_BYTES,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._source = source
        self._location = location
        self._destination = destination
        self._ssl_context = ssl_context
        self._part_bytes = part_bytes
        self._retry = retry or RetryPolicy()

    async def run(self, digest: str = "") -> FetchReport:
        """Fetch everything, or what an earlier run left to do.

        Args:
            digest: The digest that the files must have; any when empty.

        Raises:
            ModelRejected: The files are not the pinned ones, no model, or do not fit on the disk.
            RegistryError: They cannot be reached.
        """
        began = time.monotonic()
        files = await self._retry.call(self._source.list_files)
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
        """Return the number of bytes received and of files verified."""
        if self._destination.is_complete(digest, files):
            return 0, 0
        with self._destination.prepared(digest, self._location, self._part_bytes) as journal:
            require_room(self._destination.missing_bytes(files), self._destination.path)
            download = Download(
                self._source,
                self._destination,
                journal,
                self._ssl_context,
                part_bytes=self._part_bytes,
                retry=self._retry,
            )
            await _with_progress(download, files)
            await asyncio.to_thread(self._destination.complete, digest, files)
        return download.received_bytes, download.checked_files


async def _with_progress(download: Download, files: Sequence[File]) -> None:
    total = sum(file.size for file in files)

    async def report() -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            received = download.received_bytes
            rate = int(received / (time.monotonic() - began))
            fields = {"received_bytes": received, "total_bytes": total, "bytes_per_second": rate}
            logger.info("downloading", extra={"fields": fields})

    reporter = asyncio.create_task(report())
    try:
        await download.run(files)
    finally:
        reporter.cancel()
