"""Download all files of a model in parallel ranges, and verify each file while its ranges come in.

A cut connection goes on where it stopped. A restarted container goes on with the parts that are missing.
Memory is bounded by the number of connections, about a megabyte each, whatever the size of the model.
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from davit_registry import Denied, File, Unavailable
from davit_registry.stores.source import SignedRequest, Source

from davit_server.artifacts.destination import Destination
from davit_server.artifacts.journal import Journal
from davit_server.artifacts.ranges import Expired, Interrupted, RangeReader, Span
from davit_server.artifacts.retry import RetryPolicy
from davit_server.artifacts.verify import Checksum, content_mismatch

logger = logging.getLogger(__name__)

PART_BYTES = 16 << 20
_FILES_AT_ONCE = 8
_CHECKING_THREADS = 2
_CHECK_BLOCK_BYTES = 1 << 20
_MOST_RENEWALS = 3


@dataclass(slots=True)
class _Part:
    """A span of a file, and whether it is on disk."""

    number: int
    span: Span
    landed: asyncio.Event = field(default_factory=asyncio.Event)


class _Transfer:
    """A file that is being downloaded. Its parts share a signed request, renewed for all when it expires."""

    def __init__(self, file: File, path: Path, request: SignedRequest, part_bytes: int) -> None:
        self.file = file
        self.request = request
        self.checksum = ""
        step = part_bytes if request.ranges else max(file.size, 1)
        spans = (Span(start, min(start + step, file.size)) for start in range(0, file.size, step))
        self.parts = [_Part(number, span) for number, span in enumerate(spans)]
        self.target = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    @property
    def resumes(self) -> bool:
        """Whether parts on disk are of use later: without a tag it is unknown what they are parts of."""
        return self.request.ranges and bool(self.file.etag)


class Download:
    """Downloads files of one source into a folder.

    Args:
        source: Signs requests.
        destination: The folder.
        journal: Remembers what is there, over restarts.
        ssl_context: The CA certificates to trust.
        connections: How many parts at once, over all files.
        part_bytes: Size of a part.
        retry: How often and how long to retry.

    Attributes:
        checked_files: How many files had a checksum.
    """

    def __init__(
        self,
        source: Source,
        destination: Destination,
        journal: Journal,
        ssl_context: ssl.SSLContext,
        *,
        connections: int = 4,
        part_bytes: int = PART_BYTES,
        retry: RetryPolicy | None = None,
    ) -> None:
        self._source = source
        self._destination = destination
        self._journal = journal
        self._part_bytes = part_bytes
        self._retry = retry or RetryPolicy()
        self._stopping = threading.Event()
        self._readers = [RangeReader(source, ssl_context, self._stopping) for _ in range(connections)]
        self._idle: asyncio.LifoQueue[RangeReader] = asyncio.LifoQueue()
        self._reading = ThreadPoolExecutor(connections, "download")
        self._checking = ThreadPoolExecutor(_CHECKING_THREADS, "check")
        self.checked_files = 0

    @property
    def received_bytes(self) -> int:
        """How many bytes came over the network so far."""
        return sum(reader.received_bytes for reader in self._readers)

    async def run(self, files: Sequence[File]) -> None:
        """Download all files, the largest first: it decides when all are there.

        Raises:
            ModelRejected: A file's bytes are not what was listed.
            RegistryError: The source signs no request, or the store gives no response in many attempts.
            OSError: The disk does not take them.
        """
        queue = iter(sorted(files, key=lambda file: -file.size))
        for reader in self._readers:
            self._idle.put_nowait(reader)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_FILES_AT_ONCE):
                    group.create_task(self._bring_all(queue))
        except ExceptionGroup as failures:
            raise _first(failures) from None
        finally:
            self._stopping.set()
            self._reading.shutdown(cancel_futures=True)
            self._checking.shutdown(cancel_futures=True)
            for reader in self._readers:
                reader.close()

    async def _bring_all(self, queue: Iterator[File]) -> None:
        for file in queue:
            if self._journal.is_done(file.path) and self._destination.has(file):
                continue
            # Once more if need be: what an earlier container left may have been damaged on the disk.
            if not (await self._bring(file) or await self._bring(file)):
                raise content_mismatch(file.path)

    async def _bring(self, file: File) -> bool:
        """Download one file, parts in parallel as connections allow; return whether its checksum is right."""
        request = await self._sign(file)
        transfer = _Transfer(file, self._destination.path / file.path, request, self._part_bytes)
        if request.about:
            transfer.checksum = self._source.choose_checksum(file, request.about, whole=True)
        self._recall(transfer)
        async with asyncio.TaskGroup() as group:
            for part in transfer.parts:
                if not part.landed.is_set():
                    group.create_task(self._bring_part(transfer, part))
            checking = group.create_task(self._check(transfer))
        if checking.result():
            self._journal.note_done(file.path)
        else:
            self._journal.forget(file.path)
        return checking.result()

    def _recall(self, transfer: _Transfer) -> None:
        """Take over the parts that an earlier container downloaded."""
        if transfer.resumes:
            transfer.checksum = transfer.checksum or self._journal.check(transfer.file.path)
            for number in self._journal.parts(transfer.file.path):
                transfer.parts[number].landed.set()

    async def _bring_part(self, transfer: _Transfer, part: _Part) -> None:
        """Download one part, however often it is interrupted, as long as it makes progress."""
        attempts = renewals = 0
        while not part.span.is_complete:
            before, request = part.span.at, transfer.request
            try:
                await self._read(transfer, part)
            except Expired:
                renewals += 1
                if renewals > _MOST_RENEWALS:
                    raise _refused(transfer.file) from None
                if transfer.request is request:
                    transfer.request = await self._sign(transfer.file)
            except Interrupted as interruption:
                attempts = 1 if part.span.at > before else attempts + 1
                await self._pause(transfer.file, attempts, interruption)
        if transfer.resumes:
            self._journal.note_part(transfer.file.path, part.number, transfer.checksum)
        part.landed.set()

    async def _read(self, transfer: _Transfer, part: _Part) -> None:
        """Read as much of a part as one request returns."""
        whole = part.span.at == 0 and len(transfer.parts) == 1
        reader = await self._idle.get()
        try:
            headers = await asyncio.get_running_loop().run_in_executor(
                self._reading, reader.read, transfer.request, transfer.file, part.span, transfer.target
            )
        finally:
            self._idle.put_nowait(reader)
        transfer.checksum = transfer.checksum or self._source.choose_checksum(
            transfer.file, headers, whole=whole
        )

    async def _check(self, transfer: _Transfer) -> bool:
        """Compute the checksum in the order of parts, close behind the download, to take hardly more time."""
        checksum = None
        for part in transfer.parts:
            await part.landed.wait()
            if checksum is None and transfer.checksum:
                checksum = Checksum(transfer.checksum)
            if checksum:
                await asyncio.get_running_loop().run_in_executor(
                    self._checking, _add, checksum, transfer.target, part.span
                )
        if checksum is None:
            return True
        self.checked_files += checksum.is_right
        return checksum.is_right

    async def _sign(self, file: File) -> SignedRequest:
        return await self._retry.call(lambda: self._source.sign(file))

    async def _pause(self, file: File, attempts: int, interruption: Interrupted) -> None:
        if attempts >= self._retry.attempts:
            raise Unavailable(
                f"{file.path} could not be downloaded in {attempts} attempts in a row ({interruption})",
                reason="StoreUnreachable",
                cure="check that the store runs and can be reached from this namespace",
            ) from interruption
        logger.info("download interrupted", extra={"fields": {"file": file.path, "why": str(interruption)}})
        await asyncio.sleep(self._retry.pause_seconds(attempts, interruption.after))


def _add(checksum: Checksum, path: Path, span: Span) -> None:
    buffer = memoryview(bytearray(min(_CHECK_BLOCK_BYTES, span.stop - span.start)))
    with path.open("rb", buffering=0) as stream:
        stream.seek(span.start)
        missing = span.stop - span.start
        while missing and (size := stream.readinto(buffer[:missing])):
            checksum.update(buffer[:size])
            missing -= size


def _first(failures: ExceptionGroup[Exception]) -> Exception:
    """Find the failure that ended the others."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first


def _refused(file: File) -> Denied:
    return Denied(
        f"the store refuses to hand out {file.path}",
        reason="StoreDenied",
        cure="check that the keys of the store, or of the MLflow server, may read the bucket",
    )
