"""What an MLflow server's answer means: its body when it is fine, else one of our errors.

Messages say the status and MLflow's error code, never the text of an answer: it may quote what was sent.
"""

from typing import Any

import httpx

from davit_registry.errors import Denied, InvalidReference, NotFound, RegistryError, Unavailable

_HOST_REFUSED = "Invalid Host header"


def read_answer(response: httpx.Response, server: str) -> dict[str, Any]:
    """The decoded body of a good answer.

    Raises:
        NotFound: 404.
        InvalidReference: 400.
        Denied: 401 or 403.
        Unavailable: Any other status, or a body that is no JSON object.
    """
    if response.status_code != httpx.codes.OK:
        raise refusal(response, server)
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Unavailable(
            f"{server} answers, but not as an MLflow server does",
            reason="NotAnMlflowServer",
            cure="check that the URL is the base URL of an MLflow tracking server",
        )
    return body


def refusal(response: httpx.Response, server: str) -> RegistryError:
    """The error that a bad answer stands for."""
    match response.status_code:
        case 401:
            return Denied(
                f"the MLflow server {server} asks for credentials, or refuses ours",
                reason="RegistryDenied",
                cure="check the registry Secret: keys username and password, or token",
            )
        case 403 if _HOST_REFUSED in response.text:
            return Denied(
                f"the MLflow server {server} refuses this host name",
                reason="HostRefused",
                cure="add the name with its port to MLFLOW_SERVER_ALLOWED_HOSTS of the server",
            )
        case 403:
            return Denied(
                f"the MLflow server {server} does not permit this",
                reason="RegistryDenied",
                cure="grant the user READ permission on the model and its experiment",
            )
        case 404:
            return NotFound(f"the MLflow server {server} does not know it{_code(response)}")
        case 400:
            return InvalidReference(f"the MLflow server {server} cannot make sense of it{_code(response)}")
    return Unavailable(
        f"the MLflow server {server} answers with status {response.status_code}{_code(response)}",
        reason="RegistryFailing",
        cure="look into the server's log; this is retried",
    )


def _code(response: httpx.Response) -> str:
    """MLflow's error code, when it looks like one."""
    try:
        code = response.json()["error_code"]
    except (ValueError, KeyError, TypeError):
        return ""
    return f" ({code})" if isinstance(code, str) and code.isupper() and code.isascii() else ""
