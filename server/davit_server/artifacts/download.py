"""Files over HTTP, in parallel ranges, in threads with urllib3: the fastest plain client Python has.

A cut connection goes on where it stopped. A restarted container goes on with the parts that are missing.
"""

import asyncio
import logging
import random
import threading
from dataclasses import dataclass
from pathlib import Path

import urllib3
from davit_registry import Denied, File, Unavailable

from davit_server.artifacts.journal import Journal
from davit_server.artifacts.source import Permission, Source
from davit_server.artifacts.verify import STAGE, disk_full, matches
from davit_server.errors import ModelRejected

logger = logging.getLogger(__name__)

PART_BYTES = 16 << 20
_BLOCK_BYTES = 1 << 20
_MOST_TRIES = 8
_MOST_RENEWALS = 3
_LONGEST_PAUSE_SECONDS = 15.0
_BUSY = {408, 425, 429, 500, 502, 503, 504}
_TIMEOUT = urllib3.Timeout(connect=5, read=30)
_NO_SPACE = {28, 122}  # ENOSPC, EDQUOT


class _Expired(Exception):
    """The store refuses the permission; a fresh one may help."""


class _Interrupted(Exception):
    """The connection was cut, or the store is busy; trying again helps."""


@dataclass(slots=True)
class _Part:
    number: int
    start: int
    length: int
    done: int = 0


class _Transfer:
    """One file on its way: its parts share a permission, which is renewed for all when it expires."""

    def __init__(self, file: File, path: Path, permission: Permission, part_bytes: int) -> None:
        self.file = file
        self.path = path
        self.permission = permission
        self.headers: dict[str, str] = {}
        step = part_bytes if permission.ranges else file.size
        starts = range(0, file.size, step)
        self.parts = [_Part(n, at, min(step, file.size - at)) for n, at in enumerate(starts)]

    def request_headers(self, part: _Part) -> dict[str, str]:
        """Headers of the next request for a part."""
        headers = dict(self.permission.headers)
        if self.permission.ranges:
            headers["Range"] = f"bytes={part.start + part.done}-{part.start + part.length - 1}"
            if self.file.etag:
                headers["If-Match"] = f'"{self.file.etag}"'
        return headers


class Downloader:
    """Downloads files of one source.

    Args:
        source: Hands out permissions.
        work: Folder for what must survive a restart.
        ca_bundle: Certificates to trust instead of the system's; empty for those.
        connections: How many parts at once, over all files; each holds about a megabyte.
        part_bytes: Size of a part.
    """

    def __init__(
        self,
        source: Source,
        work: Path,
        *,
        ca_bundle: str = "",
        connections: int = 6,
        part_bytes: int = PART_BYTES,
    ) -> None:
        self._source = source
        self._work = work
        self._part_bytes = part_bytes
        self._slots = asyncio.Semaphore(connections)
        self._pool = urllib3.PoolManager(
            maxsize=connections, retries=False, timeout=_TIMEOUT, ca_certs=ca_bundle or None
        )
        self._counting = threading.Lock()
        self.received_bytes = 0

    def close(self) -> None:
        """Close all connections."""
        self._pool.clear()

    async def download(self, file: File, path: Path) -> None:
        """Puts one file at a path, complete and checked.

        Raises:
            ModelRejected: Its bytes are not what was listed, or the disk is full.
            RegistryError: The source gives no permission, or no answer in many tries.
        """
        await asyncio.to_thread(_make, path)
        journal = Journal(self._work, file, self._part_bytes)
        transfer = _Transfer(file, path, await self._source.permit(file), self._part_bytes)
        finished = journal.finished(path) if transfer.permission.ranges else set()
        missing = [part for part in transfer.parts if part.number not in finished]
        await asyncio.gather(*(self._finish(transfer, part, journal) for part in missing))
        if not await asyncio.to_thread(matches, path, file, transfer.headers):
            await asyncio.to_thread(path.unlink)
            journal.forget()
            raise ModelRejected(
                STAGE,
                "ContentMismatch",
                f"the bytes of {file.path} are not those that the store described",
                "the store or the network damages data: look into the store's log",
            )
        journal.forget()

    async def _finish(self, transfer: _Transfer, part: _Part, journal: Journal) -> None:
        """One part, however often it is interrupted, as long as it gets on."""
        tries = renewals = 0
        while part.done < part.length:
            before, permission = part.done, transfer.permission
            try:
                async with self._slots:
                    await asyncio.to_thread(self._read, transfer, part)
            except _Expired:
                renewals += 1
                if renewals > _MOST_RENEWALS:
                    raise _refused(transfer.file) from None
                if transfer.permission is permission:
                    transfer.permission = await self._source.permit(transfer.file)
            except _Interrupted as interruption:
                tries = 1 if part.done > before else tries + 1
                await _pause(transfer.file, tries, interruption)
        journal.note(part.number)

    def _read(self, transfer: _Transfer, part: _Part) -> None:
        """Reads on with a part until it is complete or something comes in between."""
        if not transfer.permission.ranges:
            part.done = 0
        try:
            response = self._pool.request(
                "GET",
                transfer.permission.url,
                headers=transfer.request_headers(part),
                preload_content=False,
                redirect=False,
            )
            try:
                _require_content(response, transfer, part)
                transfer.headers = dict(response.headers)
                self._write(response, transfer.path, part)
            finally:
                response.release_conn() if part.done == part.length else response.close()
        except urllib3.exceptions.HTTPError as error:
            raise _Interrupted(type(error).__name__) from error
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise disk_full(f"it was full while writing {transfer.file.path}") from error
            raise _Interrupted(type(error).__name__) from error
        if part.done < part.length:
            raise _Interrupted("the answer ended early")

    def _write(self, response: urllib3.BaseHTTPResponse, path: Path, part: _Part) -> None:
        with path.open("r+b", buffering=0) as stream:
            stream.seek(part.start + part.done)
            while part.done < part.length and (block := response.read(_BLOCK_BYTES)):
                stream.write(block)
                part.done += len(block)
                with self._counting:
                    self.received_bytes += len(block)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def _require_content(response: urllib3.BaseHTTPResponse, transfer: _Transfer, part: _Part) -> None:
    """Refuses every answer but the bytes that were asked for."""
    whole = part.done == 0 and part.length == transfer.file.size
    match response.status:
        case 206:
            return
        case 200 if whole:
            return
        case 403:
            raise _Expired
        case 404 | 412 | 416:
            raise ModelRejected(
                STAGE,
                "FileChanged",
                f"{transfer.file.path} was changed or deleted in the store during the download",
                "register the changed model as a new version, or restore the file",
            )
        case status if status in _BUSY:
            raise _Interrupted(f"status {status}")
    raise Unavailable(
        f"the store answers the request for {transfer.file.path} with status {response.status}",
        reason="StoreFailing",
        cure="look into the store's log",
    )


async def _pause(file: File, tries: int, interruption: _Interrupted) -> None:
    if tries >= _MOST_TRIES:
        raise Unavailable(
            f"{file.path} could not be downloaded in {tries} tries ({interruption})",
            reason="StoreUnreachable",
            cure="check that the store runs and can be reached from this namespace",
        ) from interruption
    logger.info("download interrupted", extra={"fields": {"file": file.path, "why": str(interruption)}})
    longest = min(_LONGEST_PAUSE_SECONDS, 0.25 * 2**tries)
    await asyncio.sleep(random.uniform(longest / 2, longest))  # noqa: S311  spreads pods, hides nothing


def _refused(file: File) -> Denied:
    return Denied(
        f"the store refuses to hand out {file.path}",
        reason="StoreDenied",
        cure="check that the keys of the store, or of the MLflow server, may read the bucket",
    )
