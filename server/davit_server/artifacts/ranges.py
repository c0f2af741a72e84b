"""One range of one file over plain HTTP: blocking, straight from the socket into one buffer.

The standard library's client is used because it copies least: less processor time and memory for the same
bytes than urllib3, httpx or boto3 took, measured side by side.
"""

import http.client
import math
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from davit_registry import Denied, File, RegistryError, Unavailable
from davit_registry.errors import missing_file
from davit_registry.unreachable import STORE, certificate_problem

from davit_server.artifacts.source import Permission
from davit_server.artifacts.verify import file_changed

_BUFFER_BYTES = 1 << 20
_SILENCE_SECONDS = 20.0
_REFUSED = {400, 401, 403}  # S3 says 400 to temporary credentials that have expired
_BUSY = {408, 425, 429, 500, 502, 503, 504}


class Expired(Exception):
    """The store refuses the permission; a fresh one may help."""


class Interrupted(Exception):
    """The connection was cut, or the store is busy; trying again helps.

    Args:
        why: For the log.
        after: Seconds that the store asks to wait.
    """

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


@dataclass(slots=True)
class Span:
    """Bytes of a file from `start` up to but not including `stop`; those before `at` are on disk."""

    start: int
    stop: int
    at: int = -1

    def __post_init__(self) -> None:
        self.at = max(self.start, self.at)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is missing."""
        return self.at >= self.stop


class RangeReader:
    """A connection that is kept, and a buffer; for one thread at a time.

    Args:
        trust: Whom to trust over TLS.
        stopping: When set, reading ends at once.

    Attributes:
        received_bytes: How many came so far.
    """

    def __init__(self, trust: ssl.SSLContext, stopping: threading.Event) -> None:
        self._trust = trust
        self._stopping = stopping
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._origin = ("", "")
        self._connection: http.client.HTTPConnection | None = None
        self.received_bytes = 0

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def read(self, permission: Permission, file: File, span: Span, target: Path) -> Mapping[str, str]:
        """Writes what is missing of a span into a file, and moves `span.at` along.

        Args:
            permission: How to ask for it.
            file: What was listed.
            span: Which bytes.
            target: The file on disk, which exists.

        Returns:
            The headers of the answer, their names in lower case.

        Raises:
            Expired: A fresh permission may help.
            Interrupted: Trying again helps; what was read until then counts.
            ModelRejected: The file is not what was listed.
            RegistryError: The store does not give it.
            OSError: The disk does not take it.
        """
        if not permission.ranges:
            span.at = span.start
        try:
            response = self._ask(permission, _headers(permission, file, span))
            _require(response, file, span)
            self._copy(response, file, span, target)
        except BaseException:
            self.close()
            raise
        return {name.lower(): value for name, value in response.headers.items()}

    def _ask(self, permission: Permission, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        url = urlsplit(permission.url)
        if self._connection and self._origin == (url.scheme, url.netloc):
            try:
                return _request(self._connection, url, headers)
            except Interrupted:
                pass  # kept for too long, and closed by the other side: a new one will tell
        self.close()
        self._origin = (url.scheme, url.netloc)
        self._connection = self._connect(url)
        return _request(self._connection, url, headers)

    def _connect(self, url: SplitResult) -> http.client.HTTPConnection:
        if url.scheme == "https":
            return http.client.HTTPSConnection(url.netloc, timeout=_SILENCE_SECONDS, context=self._trust)
        return http.client.HTTPConnection(url.netloc, timeout=_SILENCE_SECONDS)

    def _copy(self, response: http.client.HTTPResponse, file: File, span: Span, target: Path) -> None:
        with target.open("r+b", buffering=0) as stream:
            stream.seek(span.at)
            while not span.is_complete:
                if self._stopping.is_set():
                    raise Interrupted("stopping")
                size = _read_into(response, self._buffer[: span.stop - span.at])
                if not size:
                    raise Interrupted("the answer ended early")
                self.received_bytes += size
                _write(stream, self._buffer[:size], span)
        if _read_into(response, self._buffer[:1]):
            raise file_changed(file.path)


@contextmanager
def _network() -> Iterator[None]:
    """Tells errors of the network from those of the disk, which are OSErrors both."""
    try:
        yield
    except (http.client.HTTPException, OSError) as error:
        if problem := certificate_problem(error, "the store", STORE):
            raise problem from error
        raise Interrupted(type(error).__name__) from error


def _request(
    connection: http.client.HTTPConnection, url: SplitResult, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    with _network():
        connection.request("GET", url._replace(scheme="", netloc="", fragment="").geturl(), headers=headers)
        return connection.getresponse()


def _read_into(response: http.client.HTTPResponse, buffer: memoryview) -> int:
    with _network():
        return response.readinto(buffer)


def _write(stream: FileIO, block: memoryview, span: Span) -> None:
    """A disk that is nearly full takes less than it is given."""
    while block:
        written = stream.write(block)
        span.at += written
        block = block[written:]


def _headers(permission: Permission, file: File, span: Span) -> dict[str, str]:
    headers = {"Accept-Encoding": "identity", **permission.headers}
    if permission.ranges and file.etag:
        headers["If-Match"] = f'"{file.etag}"'
    if not _is_whole(file, span):
        headers["Range"] = f"bytes={span.at}-{span.stop - 1}"
    return headers


def _is_whole(file: File, span: Span) -> bool:
    return span.at == 0 and span.stop == file.size


def _require(response: http.client.HTTPResponse, file: File, span: Span) -> None:
    """Refuses every answer but the bytes that were asked for."""
    status = response.status
    if status == (200 if _is_whole(file, span) else 206):
        _require_same(response, file, span)
    elif status in _REFUSED and not _other_region(response):
        raise Expired
    elif status in {412, 416}:
        raise file_changed(file.path)
    elif status in _BUSY:
        raise Interrupted(f"status {status}", _seconds(response.headers.get("Retry-After", "")))
    else:
        raise _refusal(response, file)


def _require_same(response: http.client.HTTPResponse, file: File, span: Span) -> None:
    """Not every server heeds `If-Match`, and a proxy between may answer with something else."""
    etag = response.headers.get("ETag", "").removeprefix("W/").strip('"')
    length = response.headers.get("Content-Length", "")
    whole = f"bytes {span.at}-{span.stop - 1}/{file.size}"
    other_tag = bool(file.etag and etag) and etag != file.etag
    other_size = bool(length) and length != str(span.stop - span.at)
    if other_tag or other_size or response.headers.get("Content-Range", whole) != whole:
        raise file_changed(file.path)


def _refusal(response: http.client.HTTPResponse, file: File) -> RegistryError:
    if region := _other_region(response):
        return Denied(
            f"the bucket of {file.path} is in region {region}",
            reason="StoreRegion",
            cure=f"set AWS_REGION to {region}",
        )
    match response.status:
        case 404:
            return missing_file(file.path)
        case 200:
            return Unavailable(
                f"the store ignores that only a part of {file.path} was asked for",
                reason="StoreUnsuitable",
                cure="use a store, or a proxy before it, that honours Range requests",
            )
    return Unavailable(
        f"the store answers the request for {file.path} with status {response.status}",
        reason="StoreFailing",
        cure="look into the store's log",
    )


def _other_region(response: http.client.HTTPResponse) -> str:
    """The region that the store redirects to, in one of the ways in which S3 does that."""
    return response.headers.get("x-amz-bucket-region", "") if response.status in {301, 307, 400} else ""


def _seconds(header: str) -> float:
    """`Retry-After` in seconds; its other form, a date, is left to our own pauses."""
    try:
        seconds = float(header)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
