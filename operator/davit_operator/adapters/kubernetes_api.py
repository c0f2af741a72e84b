"""Requests to the Kubernetes API, and the translation of its errors."""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import aiohttp
from davit_resource.objects import Object
from kubernetes.aio.client import ApiClient, ApiException, Configuration
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config

from davit_operator import __version__
from davit_operator.domain.errors import DavitError, Denied, InvalidSpec, Unavailable, Waiting

Method = Literal["GET", "POST", "PATCH", "DELETE"]

JSON = "application/json"
APPLY_PATCH = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"

_TIMEOUT_SECONDS = 20
_MAX_MESSAGE_LENGTH = 1000

# As the API server words them (apiserver, pkg/admission): webhooks, validating and mutating policies, quotas.
_POLICY_DENIES = re.compile(
    r"""admission webhook "[^"]+" denied the request|[Pp]olicy ['"][^'"]+['"].* denied request: """
)
_QUOTA_DENIES = re.compile(r"is forbidden: ((exceeded|failed|insufficient) quota|status unknown for quota)")


async def connect() -> ApiClient:
    """Create a client for the cluster that the process runs in, or else for the current kubeconfig.

    Raises:
        ConfigException: There is neither a service account nor a usable kubeconfig.
    """
    configuration = Configuration()
    try:
        load_incluster_config(client_configuration=configuration)
    except ConfigException:
        await load_kube_config(client_configuration=configuration)
    client = ApiClient(configuration)
    client.user_agent = f"davit-operator/{__version__}"
    return client


class KubernetesApi:
    """Sends single requests and decodes their JSON responses.

    Args:
        client: The official client; only its transport and authentication are used.
    """

    def __init__(self, client: ApiClient) -> None:
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
        """Send a request; return None on a 404.

        Raises:
            Unavailable: The API server does not answer, or answers with an unexpected status.
            Waiting: Another writer changed the object, or the namespace is being deleted.
            Denied: The operator's role lacks the permission.
            InvalidSpec: Validation, a policy or a quota rejects the object.
        """
        try:
            answer = await self._send(method, path, dict(query or {}), body, content_type)
        except ApiException as error:
            denial = _admission_denial(error)
            if error.status == 404 and denial is None:
                return None
            raise denial or _translate(error, method, path) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            cause = f"{type(error).__name__} on {method} {path}"
            raise Unavailable("KubernetesUnavailable", f"the API server does not answer: {cause}") from error
        if not isinstance(answer, dict):
            raise Unavailable(
                "KubernetesUnavailable", f"the response to {method} {path} is not a Kubernetes object"
            )
        return answer

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _send(
        self, method: Method, path: str, query: dict[str, str], body: Any, content_type: str
    ) -> Any:
        return await self._client.call_api(
            path,
            method,
            query_params=list(query.items()),
            header_params={"Accept": JSON, "Content-Type": content_type},
            body=body,
            auth_settings=["BearerToken"],
            response_types_map=dict.fromkeys((200, 201, 202), "object"),
            _return_http_data_only=True,
            _request_timeout=_TIMEOUT_SECONDS,
        )


def _translate(error: ApiException, method: Method, path: str) -> DavitError:
    status, said = _read_status(error.body), _message(error)
    match error.status:
        case 401 | 403 if "NamespaceTerminating" in json.dumps(status.get("details", {})):
            return Waiting("NamespaceTerminating", f"the namespace is being deleted: {said}")
        case 401 | 403:
            return Denied(
                "Forbidden", f"Kubernetes refuses {method} {path}: {said}; check the operator's role"
            )
        case 409:
            return Waiting("Conflict", f"another writer changed it at the same time: {said}")
        case 400 | 413 | 422:
            return InvalidSpec(
                "RefusedByKubernetes", f"Kubernetes refuses the object: {said}; correct the spec"
            )
    return Unavailable(
        "KubernetesUnavailable", f"the API server answers {error.status} to {method} {path}: {said}"
    )


def _admission_denial(error: ApiException) -> InvalidSpec | None:
    """Return the rejection by a policy or quota, which users can resolve; None for any other error.

    Webhooks and policies choose the status code of their response, so only its text identifies them.
    """
    said = _message(error)
    if _POLICY_DENIES.search(said):
        return InvalidSpec(
            "AdmissionDenied",
            f"a policy of this cluster denies it: {said}; change spec accordingly, or ask the policy's owner",
        )
    if _QUOTA_DENIES.search(said):
        return InvalidSpec(
            "QuotaExceeded",
            f"a quota of the namespace denies it: {said}; lower what spec asks for, or have the quota raised",
        )
    return None


def _message(error: ApiException) -> str:
    said = _read_status(error.body).get("message", f"{error.status} {error.reason}")
    return str(said)[:_MAX_MESSAGE_LENGTH]


def _read_status(body: str | None) -> Object:
    """Parse the `Status` object of an error response; empty for any other body."""
    try:
        status = json.loads(body or "")
    except ValueError:
        return {}
    return status if isinstance(status, dict) and status.get("kind") == "Status" else {}
