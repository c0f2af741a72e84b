"""The files of a model behind MLflow's artifact proxy (`mlflow-artifacts:/…`), without store credentials.

Where the server hands out presigned URLs, entity tags are read from the store through them. They are
signed for GET only, so a tag costs a GET of one byte.
"""

import asyncio
import posixpath
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import httpx

from davit_registry.answers import read_answer, refusal
from davit_registry.errors import InvalidReference, NotFound, Unavailable
from davit_registry.listing import File, bare_etag
from davit_registry.mlflow import MlflowClient

_API = "/api/2.0/mlflow-artifacts/"
_AT_ONCE = 8
_NOT_OFFERED = {400, 404, 405, 501}


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A short-lived permission to read one file straight from the store. Never shown in a repr."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)


def split_proxy(location: str) -> str:
    """The path below the proxy's root of `mlflow-artifacts:/path`, with or without a host.

    Raises:
        InvalidReference: The location is none of the proxy's.
    """
    parts = urlsplit(location, allow_fragments=False)
    path = parts.path.strip("/")
    if parts.scheme != "mlflow-artifacts" or not path or ".." in path.split("/"):
        raise InvalidReference(
            f"{location!r} is no location behind MLflow's artifact proxy", cure="log the model again"
        )
    return path


async def list_proxy(client: MlflowClient, location: str, *, etags: bool = True) -> list[File]:
    """Every file below a location, sorted by path.

    Args:
        client: The MLflow server whose proxy it is.
        location: `mlflow-artifacts:/…`.
        etags: Whether to read entity tags, where the server offers presigned URLs.

    Raises:
        NotFound: There is nothing at the location.
        Denied: The server refuses us.
        Unavailable: The server, or the store behind it, gives no usable answer.
    """
    root = split_proxy(location)
    sizes = await _walk(client, root, "")
    if not sizes:
        raise NotFound(
            f"there are no files at {location}",
            reason="LocationEmpty",
            cure="the model's files were deleted or never uploaded; log and register the model again",
        )
    limit = asyncio.Semaphore(_AT_ONCE)
    async with httpx.AsyncClient(timeout=client.http.timeout, trust_env=False) as store:

        async def describe(path: str, size: int) -> File:
            async with limit:
                return File(path, size, await _etag(client, store, f"{root}/{path}", size) if etags else "")

        return sorted(await asyncio.gather(*(describe(path, size) for path, size in sizes.items())))


async def presign(client: MlflowClient, path: str) -> PresignedUrl | None:
    """Permission to read one file straight from the store; None where the server offers none.

    Args:
        client: The MLflow server.
        path: Path of the file below the proxy's root.
    """
    response = await _get(client, f"presigned/{quote(path)}")
    if response.status_code in _NOT_OFFERED:
        return None
    answer = read_answer(response, client.url)
    return PresignedUrl(answer["url"], dict(answer.get("headers") or {}))


def proxied_path(path: str) -> str:
    """Path of the request that streams one file through the server itself."""
    return f"{_API}artifacts/{quote(path)}"


async def _walk(client: MlflowClient, root: str, folder: str) -> dict[str, int]:
    """Sizes by path, folder by folder."""
    response = await _get(client, "artifacts", path=posixpath.join(root, folder).rstrip("/"))
    sizes: dict[str, int] = {}
    for entry in read_answer(response, client.url).get("files", []):
        path = posixpath.join(folder, posixpath.basename(entry["path"]))
        if entry.get("is_dir"):
            sizes |= await _walk(client, root, path)
        else:
            sizes[path] = int(entry.get("file_size") or 0)
    return sizes


async def _get(client: MlflowClient, resource: str, **query: str) -> httpx.Response:
    try:
        return await client.http.get(_API + resource, params=query)
    except httpx.HTTPError as error:
        raise Unavailable(
            f"the MLflow server {client.url} gives no answer ({type(error).__name__})",
            reason="RegistryUnreachable",
            cure="check its address, and that it runs and can be reached from here; this is retried",
        ) from error


async def _etag(client: MlflowClient, store: httpx.AsyncClient, path: str, size: int) -> str:
    permission = await presign(client, path)
    if permission is None:
        return ""
    # An empty file has no first byte to ask for.
    ranged = {"Range": "bytes=0-0"} if size else {}
    try:
        response = await store.get(permission.url, headers={**permission.headers, **ranged})
    except httpx.HTTPError as error:
        raise Unavailable(
            f"the store behind {client.url} gives no answer ({type(error).__name__})",
            reason="StoreUnreachable",
            cure="the address that MLflow puts into presigned URLs must be reachable from here: "
            "check MLFLOW_S3_ENDPOINT_URL of the server",
        ) from error
    if response.status_code == httpx.codes.NOT_FOUND:
        raise NotFound(
            f"the file {posixpath.basename(path)} is gone from the store",
            reason="FileMissing",
            cure="log and register the model again",
        )
    if not response.is_success:
        raise refusal(response, "behind the presigned URL")
    return bare_etag(response.headers.get("ETag", ""))
