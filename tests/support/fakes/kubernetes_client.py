"""The official Kubernetes client over answers that a test gives: its own code runs, only the network is replaced."""

from collections.abc import Callable
from typing import Any

import aiohttp
import httpx
from kubernetes.aio.client import ApiClient, ApiException, Configuration

Answers = Callable[[httpx.Request], httpx.Response]


class Answer:
    """An answer as the official client reads it."""

    def __init__(self, response: httpx.Response):
        self.status = response.status_code
        self.reason = response.reason_phrase
        self.data = response.content
        self._headers = response.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        value: str | None = self._headers.get(name, default)
        return value

    def getheaders(self) -> dict[str, str]:
        return dict(self._headers)


class Network:
    """In place of the client's HTTP layer."""

    def __init__(self, answers: Answers):
        self._answers = answers

    async def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: Any = None,
        body: Any = None,
        **_: object,
    ) -> Answer:
        content = {} if body is None else {"json": body}
        request = httpx.Request(method, url, params=query_params, headers=headers, **content)
        try:
            answer = Answer(self._answers(request))
        except httpx.ConnectError as error:
            raise aiohttp.ClientConnectionError("refused") from error
        except httpx.ReadTimeout as error:
            raise TimeoutError from error
        if not 200 <= answer.status <= 299:
            raise ApiException(http_resp=answer)
        return answer

    async def close(self) -> None:
        """Nothing is open."""


class OfflineClient(ApiClient):
    """The official client without connections of its own."""

    def __init__(self, answers: Answers):
        self.configuration = Configuration(host="https://kubernetes")
        self.client_side_validation = False
        self.default_headers: dict[str, str] = {}
        self.cookie = None
        self.rest_client = Network(answers)

    async def request(
        self,
        method: str,
        url: str,
        query_params: Any = None,
        headers: Any = None,
        body: Any = None,
        **_: object,
    ) -> Answer:
        return await self.rest_client.request(method, url, query_params, headers, body)
