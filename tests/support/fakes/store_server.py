"""One loopback server that plays an S3 store and MLflow's artifact proxy before it, and misbehaves on request.

Objects lie in one bucket, `mlflow`; the proxy's root is its folder `artifacts`. What a test wants to go wrong
it puts into `troubles`: the next requests for objects take one each, in their order; or into `troubles_of` one
file name.
"""

import hashlib
import json
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from davit_registry.stores.s3 import S3Options

ROOT = "artifacts/"
_PROXY = "/api/2.0/mlflow-artifacts/"


@dataclass
class Stored:
    """An object: its bytes, and what the store says about them."""

    content: bytes
    etag: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.etag = self.etag or hashlib.md5(self.content, usedforsecurity=False).hexdigest()


@dataclass
class Seen:
    """A request that arrived."""

    path: str
    headers: dict[str, str]

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/mlflow/")


Trouble = Callable[["Conversation", Stored], None]
"""Answers instead of the server, which has found the object."""


class StoreServer:
    """The state that tests set up and read."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.reset()

    def reset(self) -> None:
        """As new, at the same address."""
        self.objects: dict[str, Stored] = {}
        self.troubles: deque[Trouble] = deque()
        self.troubles_of: dict[str, deque[Trouble]] = defaultdict(deque)
        self.proxy_refusals: deque[tuple[int, dict[str, str]]] = deque()
        self.streams_cut_after: deque[int] = deque()
        self.seen: list[Seen] = []
        self.presigns = True
        self.presigned_base = self.url
        self.page_size = 1000
        self.released = threading.Event()

    @property
    def options(self) -> S3Options:
        return S3Options("key-of-the-test", "secret-of-the-test", endpoint_url=self.url)

    def put(self, key: str, content: bytes, **about: Any) -> Stored:
        self.objects[key] = Stored(content, **about)
        return self.objects[key]

    def gets(self) -> list[Seen]:
        """Requests for objects, not for lists or permissions."""
        return [one for one in self.seen if one.key in self.objects]

    def signature(self) -> str:
        """What a presigned URL of the proxy carries: a secret."""
        return "signature-of-the-proxy"


class Conversation(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    store: StoreServer

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.store.seen.append(Seen(self.path, dict(self.headers.items())))
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        if url.path.startswith(_PROXY):
            self._proxy(unquote(url.path.removeprefix(_PROXY)), query)
        elif "list-type" in query:
            self._list(query)
        else:
            self._object(unquote(url.path).removeprefix("/mlflow/"))

    def say(self, status: int, content: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def answer(self, stored: Stored, content: bytes | None = None) -> None:
        """As a store should: ranges and `If-Match` are honoured."""
        content = stored.content if content is None else content
        wanted = self.headers.get("If-Match", "").strip('"')
        if wanted not in {"", "*", stored.etag}:
            self.say(412)
            return
        headers = {"ETag": f'"{stored.etag}"', **stored.headers}
        asked = self.headers.get("Range", "")
        if not asked:
            self.say(200, content, **headers)
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last) + 1, len(content))
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
        self.say(206, content[start:stop], **headers)

    def cut(self, stored: Stored, after: int) -> None:
        """Announces everything, sends some bytes, closes."""
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        stop = len(stored.content)
        if last := self.headers.get("Range", "").rpartition("-")[2]:
            stop = int(last) + 1
        whole = "Range" not in self.headers
        self.send_response(200 if whole else 206)
        self.send_header("ETag", f'"{stored.etag}"')
        self.send_header("Content-Length", str(stop - start))
        if not whole:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(stored.content)}")
        self.end_headers()
        self.wfile.write(stored.content[start : start + after])
        self.close_connection = True

    def _object(self, key: str) -> None:
        stored = self.store.objects.get(key)
        troubles = self.store.troubles_of[key.rpartition("/")[2]] or self.store.troubles
        if stored is None:
            self.say(404)
        elif troubles:
            troubles.popleft()(self, stored)
        else:
            self.answer(stored)

    def _list(self, query: dict[str, str]) -> None:
        keys = sorted(key for key in self.store.objects if key.startswith(query.get("prefix", "")))
        start = int(query.get("continuation-token", "0"))
        page = keys[start : start + self.store.page_size]
        more = start + self.store.page_size < len(keys)
        entries = "".join(self._entry(key, self.store.objects[key]) for key in page)
        token = (
            f"<NextContinuationToken>{start + self.store.page_size}</NextContinuationToken>" if more else ""
        )
        told = (
            f"<IsTruncated>{str(more).lower()}</IsTruncated><EncodingType>url</EncodingType>{token}{entries}"
        )
        self.say(200, f"<ListBucketResult>{told}</ListBucketResult>".encode(), Content_Type="application/xml")

    def _entry(self, key: str, stored: Stored) -> str:
        size, etag = len(stored.content), escape(f'"{stored.etag}"')
        return f"<Contents><Key>{quote(key)}</Key><ETag>{etag}</ETag><Size>{size}</Size></Contents>"

    def _proxy(self, path: str, query: dict[str, str]) -> None:
        if self.store.proxy_refusals:
            status, body = self.store.proxy_refusals.popleft()
            self._json(status, body)
        elif path == "artifacts":
            self._json(200, {"files": list(self._folder(ROOT + query["path"] + "/"))})
        elif path.startswith("presigned/"):
            self._presign(ROOT + path.removeprefix("presigned/"))
        else:
            self._stream(ROOT + path.removeprefix("artifacts/"))

    def _folder(self, prefix: str) -> Iterator[dict[str, object]]:
        below = {
            key.removeprefix(prefix): key for key in sorted(self.store.objects) if key.startswith(prefix)
        }
        for folder in sorted({path.split("/")[0] for path in below if "/" in path}):
            yield {"path": folder, "is_dir": True}
        for path, key in below.items():
            if "/" not in path:
                size = len(self.store.objects[key].content)
                yield {"path": path, "is_dir": False, **({"file_size": size} if size else {})}

    def _presign(self, key: str) -> None:
        if not self.store.presigns:
            self._json(501, {"error_code": "NOT_IMPLEMENTED"})
        elif key not in self.store.objects:
            self._json(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})
        else:
            url = f"{self.store.presigned_base}/mlflow/{quote(key)}?X-Amz-Signature={self.store.signature()}"
            self._json(200, {"url": url, "headers": {}, "file_size": len(self.store.objects[key].content)})

    def _stream(self, key: str) -> None:
        """As MLflow does: chunks, no length, no ranges, no entity tag."""
        content = self.store.objects[key].content
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cuts = self.store.streams_cut_after
        if cuts and len(content) > cuts[0]:
            part = content[: cuts.popleft()]
            self.wfile.write(b"%x\r\n%s" % (len(content), part))
            self.close_connection = True
            return
        if content:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, status: int, body: object) -> None:
        self.say(status, json.dumps(body).encode(), Content_Type="application/json")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Quiet: clients that go away are part of the tests."""


@contextmanager
def running_store_server(certificate: Path | None = None) -> Iterator[StoreServer]:
    """A server on loopback, over TLS if it gets a certificate with its key; nothing of it afterwards."""
    handler: type[Conversation] = type("Handler", (Conversation,), {})
    server = _Server(("127.0.0.1", 0), handler)
    scheme = "https" if certificate else "http"
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    handler.store = store = StoreServer(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield store
    finally:
        store.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
