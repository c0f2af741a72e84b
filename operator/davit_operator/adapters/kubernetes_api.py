"""Requests to the Kubernetes API: content types, and its errors as ours."""

import json
from collections.abc import Mapping
from typing import Any, Literal

import httpx

from davit_operator.domain.errors import DavitError, Denied, InvalidSpec, Unavailable, Waiting
from davit_operator.domain.objects import Object

Method = Literal["GET", "POST", "PATCH", "DELETE"]

JSON = "application/json"
APPLY_PATCH = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"

_LONGEST_MESSAGE = 1000


class KubernetesApi:
    """One request in, one JSON tree out.

    Args:
        client: A connection to the API server, logged in.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def request(
        self,
        method: Method,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
    ) -> Object | None:
        """Sends a request; None when the API server says 404.

        Raises:
            Unavailable: No answer, or one that says to come back later.
            Waiting: A conflict with somebody else's write, or a namespace that is going away.
            Denied: Not allowed.
            InvalidSpec: The object is refused.
        """
        content = None if body is None else json.dumps(body).encode()
        headers = {"Accept": JSON, "Content-Type": content_type}
        try:
            answer = await self._client.request(method, path, params=query, content=content, headers=headers)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if not answer.is_success:
                raise _translate(answer, method, path)
            return dict(answer.json())
        except (httpx.HTTPError, OSError, ValueError) as error:
            cause = f"{type(error).__name__} on {method} {path}"
            raise Unavailable("KubernetesUnavailable", f"the API server does not answer: {cause}") from error

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


def _translate(answer: httpx.Response, method: Method, path: str) -> DavitError:
    status = _read_status(answer)
    said = str(status.get("message", f"{answer.status_code} {answer.reason_phrase}"))[:_LONGEST_MESSAGE]
    match answer.status_code:
        case 401 | 403 if "NamespaceTerminating" in json.dumps(status.get("details", {})):
            return Waiting("NamespaceTerminating", f"the namespace is being deleted: {said}")
        case 401 | 403:
            return Denied(
                "Forbidden", f"Kubernetes refuses {method} {path}: {said}; check the operator's role"
            )
        case 409:
            return Waiting("Conflict", f"somebody else changed it at the same time: {said}")
        case 400 | 413 | 422:
            return InvalidSpec(
                "RefusedByKubernetes", f"Kubernetes refuses the object: {said}; correct the spec"
            )
    return Unavailable(
        "KubernetesUnavailable", f"the API server answers {answer.status_code} to {method} {path}"
    )


def _read_status(answer: httpx.Response) -> Object:
    """The API server's own account of an error; anything else is not repeated."""
    try:
        status = answer.json()
    except ValueError:
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}
