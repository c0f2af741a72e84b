"""MLflow's artifact proxy: the files at `mlflow-artifacts:/…`, without store credentials.

Where the server hands out presigned URLs, entity tags are read from the store through them. They are
signed for GET only, so a tag costs a GET of one byte. Elsewhere the server streams the files itself.
"""

import asyncio
import posixpath
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import httpx

from davit_registry.answers import error_code, no_mlflow, read_answer
from davit_registry.errors import (
    Denied,
    InvalidReference,
    NotFound,
    RegistryError,
    StoreUnavailable,
    UnsupportedStore,
    missing_file,
)
from davit_registry.listing import File, Listing, bare_etag
from davit_registry.login import RegistryLogin, variable
from davit_registry.rest import CONNECT_SECONDS, WHOLE_SECONDS, MlflowRest
from davit_registry.stores.s3_headers import S3Headers
from davit_registry.stores.source import SignedRequest, StoreAccess
from davit_registry.unreachable import STORE, connection_error

_API = "/api/2.0/mlflow-artifacts"
_AT_ONCE = 8
_DEEPEST = 32


def open_source(location: str, access: StoreAccess) -> "ProxySource":
    """Open a location.

    Raises:
        UnsupportedStore: The access names no MLflow server.
        InvalidReference: The location, the server's URL or the CA certificates are invalid.
    """
    login = RegistryLogin.from_environment(access.values)
    if not login.url:
        raise UnsupportedStore(
            f"the files at {location} are behind MLflow's artifact proxy, and no MLflow server is set",
            cure=f"set {variable('url')}",
        )
    server = MlflowRest(login, ca_file=access.ca_file)
    return ProxySource(location, server, streams=access.streams)


class ProxySource(S3Headers):
    """A model under `mlflow-artifacts:/…`; presigned URLs lead to the S3 store behind the server.

    Args:
        location: That URI.
        server: The MLflow server; closed with this source.
        streams: Whether files may come through the server when the store is unreachable. Presigned URLs
            name the store as the server reaches it, often by an address inside a cluster.
    """

    def __init__(self, location: str, server: MlflowRest, *, streams: bool = False) -> None:
        self._location = location
        self._root = split_proxy(location)
        self._server = server
        self._streams = streams
        self._presigns = True

    async def list_files(self) -> list[File]:
        """List every file below the location."""
        try:
            files = await list_proxy(self._server, self._location, etags=self._presigns)
        except StoreUnavailable:
            if not (self._streams and self._presigns):
                raise
            files = await list_proxy(self._server, self._location, etags=False)
        # Tags come by presigned URLs alone: without one, there is no use in asking for such URLs again.
        self._presigns = any(file.etag for file in files)
        return files

    async def sign(self, file: File) -> SignedRequest:
        """Get a presigned URL, or else the server's own."""
        path = f"{self._root}/{file.path}"
        signed = await presign(self._server, path) if self._presigns else None
        return signed or SignedRequest(
            proxied_url(self._server, path), self._server.login_headers(), ranges=False
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._server.aclose()


def split_proxy(location: str) -> str:
    """Return the path below the proxy's root of `mlflow-artifacts:/path` or `mlflow-artifacts://host/path`.

    The host is not used: credentials go to no server that a location names, only to the configured one.

    Raises:
        InvalidReference: The location is none of the proxy's.
    """
    scheme, _, path = location.partition(":/")
    if path.startswith("/"):
        path = path[1:].partition("/")[2]
    path = path.strip("/")
    if scheme != "mlflow-artifacts" or not path or ".." in path.split("/"):
        raise InvalidReference(
            f"{location!r} is no location behind MLflow's artifact proxy", cure="log the model again"
        )
    return path


async def list_proxy(server: MlflowRest, location: str, *, etags: bool = True) -> list[File]:
    """List every file below a location, sorted by path.

    Args:
        server: The MLflow server whose proxy it is.
        location: `mlflow-artifacts:/…`.
        etags: Whether to read entity tags, where the server offers presigned URLs.

    Raises:
        InvalidReference: The location is none of the proxy's, or holds far more than a model.
        NotFound: There is nothing at the location.
        Denied: The server refuses us.
        Unavailable: The server, or the store behind it, gives no usable response.
    """
    root = split_proxy(location)
    listing = Listing(location)
    await _walk(server, root, "", listing)
    files = listing.files()
    return await _tagged(server, root, files) if etags else files


async def presign(server: MlflowRest, path: str) -> SignedRequest | None:
    """Get a presigned URL to read one file straight from the store; None where the server offers none.

    Args:
        server: The MLflow server.
        path: Path of the file below the proxy's root.

    Raises:
        NotFound: The store has no such file.
        Denied: The server refuses us, or the store refuses the server.
        Unavailable: The server, or the store behind it, gives no usable response.
    """
    response = await server.send("GET", f"{_API}/presigned/{quote(path)}")
    if response.status_code == httpx.codes.NOT_IMPLEMENTED or _knows_no_presigning(response):
        return None
    try:
        answer = read_answer(response, server.url)
    except (NotFound, InvalidReference) as error:
        raise _unreachable_file(path, error) from error
    with _mlflows_json(server):
        return SignedRequest(answer["url"], dict(answer.get("headers") or {}))


def proxied_url(server: MlflowRest, path: str) -> str:
    """Return the URL at which the server itself streams one file."""
    return f"{server.url}{_API}/artifacts/{quote(path)}"


def _unreachable_file(path: str, error: RegistryError) -> RegistryError:
    """Explain a file that was listed: MLflow decodes percent signs more than once, refuses `?` and `#`."""
    name = posixpath.basename(path)
    if isinstance(error, NotFound) and "%" not in path:
        return missing_file(name)
    return InvalidReference(
        f"MLflow's artifact proxy cannot hand out the file {name!r}",
        reason="FileNameUnusable",
        cure="log the model again without %, ? and # in names of files, or read it straight from S3",
    )


@contextmanager
def _mlflows_json(server: MlflowRest) -> Iterator[None]:
    """Explain a response without what MLflow's always have."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise no_mlflow(f"the server {server.url}") from error


def _knows_no_presigning(response: httpx.Response) -> bool:
    """Whether this is how MLflow 2 answers unknown paths: without an error code of its own."""
    return response.status_code in {404, 405} and not error_code(response)


async def _walk(server: MlflowRest, root: str, folder: str, listing: Listing) -> None:
    """List folder by folder: the proxy lists one level at a time."""
    if folder.count("/") > _DEEPEST:
        raise InvalidReference(f"{root} holds folders without end", reason="LocationTooLarge")
    path = posixpath.join(root, folder).rstrip("/")
    answer = await server.get(f"{_API}/artifacts", path=path)
    with _mlflows_json(server):
        entries = [(posixpath.join(folder, _name(entry)), entry) for entry in answer.get("files", [])]
        for below, entry in entries:
            if not entry.get("is_dir"):
                listing.add(File(below, int(entry.get("file_size") or 0), ""))
    for below, entry in entries:
        if entry.get("is_dir"):
            await _walk(server, root, below, listing)


def _name(entry: dict[str, Any]) -> str:
    return posixpath.basename(str(entry["path"]))


async def _tagged(server: MlflowRest, root: str, files: list[File]) -> list[File]:
    """Return the same files with their entity tags."""
    timeout = httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS)
    limit = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(timeout=timeout, verify=server.ssl_context, trust_env=False) as store:

        async def tagged(file: File) -> File:
            async with limit:
                return File(
                    file.path, file.size, await _etag(server, store, f"{root}/{file.path}", file.size)
                )

        first, *rest = files
        found = [await tagged(first)]
        if not found[0].etag:
            return files  # a server that signs nothing once will not do so for the others
        return found + await _all_or_first_failure(map(tagged, rest))


async def _all_or_first_failure(work: Iterable[Coroutine[Any, Any, File]]) -> list[File]:
    """Return the results in order; when one fails, cancel the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except* RegistryError as failures:
        failure = failures.exceptions[0]
    else:
        return [task.result() for task in tasks]
    raise failure


async def _etag(server: MlflowRest, store: httpx.AsyncClient, path: str, size: int) -> str:
    request = await presign(server, path)
    if request is None:
        return ""
    # An empty file has no first byte.
    ranged = {"Range": "bytes=0-0"} if size else {}
    try:
        async with store.stream("GET", request.url, headers={**request.headers, **ranged}) as response:
            if not response.is_success:
                raise _store_refusal(response.status_code, posixpath.basename(path))
            return bare_etag(response.headers.get("ETag", ""))
    except httpx.HTTPError as error:
        raise _store_connection_error(error, server) from error


def _store_refusal(status: int, name: str) -> RegistryError:
    if status == httpx.codes.NOT_FOUND:
        return missing_file(name)
    if status in {400, 401, 403}:
        return Denied(
            f"the store refuses the presigned URL for {name} (status {status})",
            reason="StoreDenied",
            cure="check the store credentials of the MLflow server, and that its clock is right",
        )
    return StoreUnavailable(
        f"the store answers the presigned URL for {name} with status {status}",
        reason="StoreFailing",
        cure="look into the store's log; this is retried",
    )


def _store_connection_error(error: httpx.HTTPError, server: MlflowRest) -> RegistryError:
    slow = isinstance(error, httpx.TimeoutException)
    cure = (
        "the store's address in presigned URLs must work from here: check MLFLOW_S3_ENDPOINT_URL of the "
        "MLflow server"
    )
    return connection_error(error, f"the store behind {server.url}", STORE, slow=slow, cure=cure)
