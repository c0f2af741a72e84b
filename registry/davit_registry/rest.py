"""HTTP to one MLflow server: a response or an explained error, within ten seconds.

Redirects are refused, because following one would carry credentials to another place. A connection that
breaks is tried once more, since the server may have closed a kept one in between; any other repetition is
left to callers, who know how to back off. So a call may arrive twice: only those go through here that do no
harm then.
"""

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from davit_registry.answers import read_answer
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.errors import InvalidReference
from davit_registry.login import RegistryLogin
from davit_registry.unreachable import REGISTRY, connection_error

CONNECT_SECONDS = 3.0
WHOLE_SECONDS = 10.0
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)


class MlflowRest:
    """A pool of connections to an MLflow server.

    Args:
        login: The server, and the credentials for it.
        ca_file: A PEM file of CA certificates to trust besides the system's.
        transport: Replaces the network in tests.

    Attributes:
        login: As given.
        url: The base URL without user and password: fit for messages.
        ssl_context: The CA certificates to trust, for other connections on behalf of this server.

    Raises:
        InvalidReference: The URL or the file of CA certificates cannot be used.
    """

    def __init__(
        self,
        login: RegistryLogin,
        *,
        ca_file: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.login = login
        parsed = _parse_url(login.url)
        self.url = str(parsed.copy_with(userinfo=b"")).rstrip("/")
        self.ssl_context = create_ssl_context(ca_file)
        self._headers = login.headers() or RegistryLogin("", parsed.username, parsed.password).headers()
        self._http = httpx.AsyncClient(
            headers=self._headers,
            timeout=httpx.Timeout(WHOLE_SECONDS, connect=CONNECT_SECONDS),
            verify=self.ssl_context,
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def login_headers(self) -> dict[str, str]:
        """Return the headers with our credentials, for requests to the same server by another client."""
        return dict(self._headers)

    async def get(self, path: str, /, **query: str) -> dict[str, Any]:
        """Return the JSON response to a GET below the base URL.

        Raises:
            NotFound: MLflow says 404.
            InvalidReference: MLflow says 400.
            Denied: 401, 403, or a redirect.
            Unavailable: No usable response.
        """
        return read_answer(await self.send("GET", path, params=query), self.url)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return the JSON response to a POST, raising as `get` does."""
        return read_answer(await self.send("POST", path, json=body), self.url)

    async def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Send a request and return the response, whatever its status.

        Raises:
            Unavailable: There is none.
        """
        try:
            async with asyncio.timeout(WHOLE_SECONDS):
                return await self._send_twice(self._http.build_request(method, self.url + path, **content))
        except (httpx.HTTPError, TimeoutError) as error:
            slow = isinstance(error, TimeoutError | httpx.TimeoutException)
            raise connection_error(error, f"the MLflow server {self.url}", REGISTRY, slow=slow) from error

    async def _send_twice(self, request: httpx.Request) -> httpx.Response:
        try:
            return await self._http.send(request)
        except _BROKEN:
            return await self._http.send(request)


def _parse_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme in {"http", "https"} and parsed.host:
        return parsed.copy_with(query=None, fragment=None)
    raise InvalidReference(
        "the URL of the registry is none",
        reason="InvalidRegistryUrl",
        cure="write http://HOST:PORT or https://HOST, the address of an MLflow server",
    )
