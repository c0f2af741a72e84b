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

from davit_registry import File, RegistryError, Unavailable
from davit_registry.errors import missing_file
from davit_registry.stores.source import SignedRequest, Source
from davit_registry.unreachable import STORE, certificate_problem

from davit_server.artifacts.verify import file_changed

_BUFFER_BYTES = 1 << 20
_TIMEOUT_SECONDS = 20.0
_REFUSED = {400, 401, 403}  # S3 says 400 to temporary credentials that have expired
_BUSY = {408, 425, 429, 500, 502, 503, 504}


class Expired(Exception):
    """The store rejects the signed request; a new one may help."""


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
        source: Explains error responses of its store.
        ssl_context: The CA certificates to trust.
        stopping: When set, reading ends at once.

    Attributes:
        received_bytes: How many came so far.
    """

    def __init__(self, source: Source, ssl_context: ssl.SSLContext, stopping: threading.Event) -> None:
        self._source = source
        self._ssl_context = ssl_context
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

    def read(self, request: SignedRequest, file: File, span: Span, target: Path) -> Mapping[str, str]:
        """Write what is missing of a span into a file, and move `span.at` along.

        Args:
            request: How to read the file.
            file: What was listed.
            span: Which bytes.
            target: The file on disk, which exists.

        Returns:
            The headers of the response, their names in lower case.

        Raises:
            Expired: A new signed request may help.
            Interrupted: A retry helps; what was read until then counts.
            ModelRejected: The file is not what was listed.
            RegistryError: The store does not give it.
            OSError: The disk does not take it.
        """
        if not request.ranges:
            span.at = span.start
        try:
            response = self._send(request, _headers(request, file, span))
            self._require(response, file, span)
            self._copy(response, file, span, target)
        except BaseException:
            self.close()
            raise
        return _lower(response)

    def _send(self, request: SignedRequest, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        url = urlsplit(request.url)
        if self._connection and self._origin == (url.scheme, url.netloc):
            try:
                return _request(self._connection, url, headers)
            except Interrupted:
                pass  # kept for too long, and closed by the other side: a new one decides
        self.close()
        self._origin = (url.scheme, url.netloc)
        self._connection = self._connect(url)
        return _request(self._connection, url, headers)

    def _connect(self, url: SplitResult) -> http.client.HTTPConnection:
        if url.scheme == "https":
            return http.client.HTTPSConnection(
                url.netloc, timeout=_TIMEOUT_SECONDS, context=self._ssl_context
            )
        return http.client.HTTPConnection(url.netloc, timeout=_TIMEOUT_SECONDS)

    def _require(self, response: http.client.HTTPResponse, file: File, span: Span) -> None:
        """Reject every response but the bytes that were requested."""
        status = response.status
        if status == (200 if _is_whole(file, span) else 206):
            _require_same(response, file, span)
        elif problem := self._source.explain_refusal(status, _lower(response), file):
            raise problem
        elif status in _REFUSED:
            raise Expired
        elif status in {412, 416}:
            raise file_changed(file.path)
        elif status in _BUSY:
            raise Interrupted(f"status {status}", _seconds(response.headers.get("Retry-After", "")))
        else:
            raise _refusal(response, file)

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
    """Tell errors of the network from those of the disk, which are OSErrors both."""
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
    """Write a whole block: a disk that is nearly full takes less than it is given."""
    while block:
        written = stream.write(block)
        span.at += written
        block = block[written:]


def _headers(request: SignedRequest, file: File, span: Span) -> dict[str, str]:
    headers = request.headers_for(file)
    if not _is_whole(file, span):
        headers["Range"] = f"bytes={span.at}-{span.stop - 1}"
    return headers


def _is_whole(file: File, span: Span) -> bool:
    return span.at == 0 and span.stop == file.size


def _require_same(response: http.client.HTTPResponse, file: File, span: Span) -> None:
    """Compare what was listed: not every server honours `If-Match`, and a proxy may alter the response."""
    etag = response.headers.get("ETag", "").removeprefix("W/").strip('"')
    length = response.headers.get("Content-Length", "")
    whole = f"bytes {span.at}-{span.stop - 1}/{file.size}"
    other_tag = bool(file.etag and etag) and etag != file.etag
    other_size = bool(length) and length != str(span.stop - span.at)
    if other_tag or other_size or response.headers.get("Content-Range", whole) != whole:
        raise file_changed(file.path)


def _refusal(response: http.client.HTTPResponse, file: File) -> RegistryError:
    match response.status:
        case 404:
            return missing_file(file.path)
        case 200:
            return Unavailable(
                f"the store ignores that only a part of {file.path} was requested",
                reason="StoreUnsuitable",
                cure="use a store, or a proxy before it, that honours Range requests",
            )
    return Unavailable(
        f"the store answers the request for {file.path} with status {response.status}",
        reason="StoreFailing",
        cure="look into the store's log",
    )


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _seconds(header: str) -> float:
    """Read `Retry-After` in seconds; its other form, a date, is left to our own pauses."""
    try:
        seconds = float(header)
    except ValueError:
        return 0.0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
