"""Read small files of a model, within limits. What is large is for `fetch` alone."""

import asyncio
import ssl
from collections.abc import Mapping

import httpx

from davit_registry.errors import Denied, RegistryError, StoreUnavailable, missing_file
from davit_registry.listing import File
from davit_registry.rest import CONNECT_SECONDS, WHOLE_SECONDS
from davit_registry.stores.source import Source
from davit_registry.unreachable import STORE, connection_error

_DENIALS = {400, 401, 403}
_CHANGED = {412}


async def read_files(source: Source, limits: Mapping[File, int], context: ssl.SSLContext) -> dict[str, bytes]:
    """Read files of a model.

    Args:
        source: Where they are.
        limits: The files as listed, each with the number of bytes to read at most; a longer one is cut there.
        context: What certificates to trust.

    Returns:
        Content by path.

    Raises:
        RegistryError: A file is gone, denied, or has changed since it was listed; or the store gives no
            usable response.
    """
    timeout = httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS)
    # No proxies of this process's environment, as for all that is downloaded.
    async with httpx.AsyncClient(timeout=timeout, verify=context, trust_env=False) as client:
        return {file.path: await _read(source, client, file, limit) for file, limit in limits.items()}


async def _read(source: Source, client: httpx.AsyncClient, file: File, limit: int) -> bytes:
    if not file.size:
        return b""
    signed = await source.sign(file)
    try:
        async with (
            asyncio.timeout(WHOLE_SECONDS),
            client.stream("GET", signed.url, headers=signed.headers_for(file)) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise _refusal(source, response, file)
            return await _first(response, limit)
    except httpx.InvalidURL as error:
        raise _failing(file, "has an invalid presigned URL") from error
    except (httpx.HTTPError, TimeoutError) as error:
        slow = isinstance(error, httpx.TimeoutException | TimeoutError)
        raise connection_error(error, f"the store of {file.path}", STORE, slow=slow) from error


async def _first(response: httpx.Response, limit: int) -> bytes:
    content = bytearray()
    async for part in response.aiter_raw():
        content += part
        if len(content) >= limit:
            break
    return bytes(content[:limit])


def _refusal(source: Source, response: httpx.Response, file: File) -> RegistryError:
    status = response.status_code
    headers = {name.lower(): value for name, value in response.headers.items()}
    if explained := source.explain_refusal(status, headers, file):
        return explained
    if status == httpx.codes.NOT_FOUND:
        return missing_file(file.path)
    if status in _CHANGED:
        return _failing(file, "has changed since it was listed")
    if status in _DENIALS:
        return Denied(
            f"the store refuses to read {file.path} (status {status})",
            reason="StoreDenied",
            cure="check that the credentials may read the model's files, not only list them",
        )
    return _failing(file, f"cannot be read (status {status})")


def _failing(file: File, what: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"the file {file.path} {what}",
        reason="StoreFailing",
        cure="look into the store's log; this is retried",
    )
