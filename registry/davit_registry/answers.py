"""What an MLflow server's response means: its body when it is good, else an explained error.

Messages have the status and MLflow's error code, never the text of a response: it may quote what was sent.
"""

import re
from typing import Any

import httpx

from davit_registry.errors import Denied, InvalidReference, NotFound, RegistryError, Unavailable

_CODE = re.compile("[A-Z][A-Z_]{1,63}")
_HOST_REFUSED = "Invalid Host header"


def read_answer(response: httpx.Response, server: str) -> dict[str, Any]:
    """Return the decoded body of a good response.

    Raises:
        NotFound: MLflow says 404.
        InvalidReference: MLflow says 400.
        Denied: 401, 403, or a redirect.
        Unavailable: Any other status, or no response of an MLflow server.
    """
    body = _json_object(response)
    if body is not None and response.status_code == httpx.codes.OK:
        return body
    raise refusal(response, server)


def refusal(response: httpx.Response, server: str) -> RegistryError:
    """Explain an error response."""
    status, code = response.status_code, error_code(response)
    server = f"the MLflow server {server}"
    if status == httpx.codes.FORBIDDEN and _HOST_REFUSED in response.text:
        host = response.request.url.netloc.decode()
        return Denied(
            f"{server} refuses requests for the host {host}",
            reason="HostRefused",
            cure=f"add {host} to MLFLOW_SERVER_ALLOWED_HOSTS of the server (host and port must match)",
        )
    match status:
        case 401:
            return Denied(
                f"{server} asks for credentials, or refuses ours",
                reason="RegistryDenied",
                cure="check the registry Secret: keys username and password, or token",
            )
        case 403:
            return Denied(
                f"{server} does not permit this",
                reason="RegistryDenied",
                cure="grant the user READ permission on the model and its experiment",
            )
        case 404 if code:
            return NotFound(f"{server} does not know it ({code})")
        case 400 if code:
            return InvalidReference(
                f"{server} cannot make sense of it ({code})",
                cure="check the reference: MLflow does not allow such a name or id",
            )
    return _failure(status, code, server)


def error_code(response: httpx.Response) -> str:
    """Return MLflow's error code, when it looks like one; empty for any other response."""
    code = (_json_object(response) or {}).get("error_code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def no_mlflow(server: str) -> Unavailable:
    """Explain that something answers, and not as an MLflow server does."""
    return Unavailable(
        f"{server} answers, but not as an MLflow server does",
        reason="NotAnMlflowServer",
        cure="check that the URL is the base URL of an MLflow tracking server",
    )


def _failure(status: int, code: str, server: str) -> RegistryError:
    if httpx.codes.is_redirect(status):
        return Denied(
            f"{server} answers with a redirect",
            reason="RegistryRedirects",
            cure="configure its final URL; following a redirect would carry credentials elsewhere",
        )
    if not code and status < httpx.codes.INTERNAL_SERVER_ERROR and status != httpx.codes.TOO_MANY_REQUESTS:
        return no_mlflow(server)
    return Unavailable(
        f"{server} answers with status {status}{f' ({code})' if code else ''}",
        reason="RegistryFailing",
        cure="look into the server's log; this is retried",
    )


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
