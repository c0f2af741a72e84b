"""Map failures to status codes, and write all errors as the same JSON object."""

import json
import logging

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from davit_server.errors import (
    ClientGone,
    DeadlineExceeded,
    InvalidInput,
    ModelFailed,
    ModelRaised,
    NotReady,
    Overloaded,
    RequestError,
    TooLarge,
    TooSlow,
    UnknownModel,
    Unsupported,
)

logger = logging.getLogger(__name__)

STATUS: dict[type[RequestError], int] = {
    InvalidInput: 400,
    ModelRaised: 400,
    UnknownModel: 404,
    TooSlow: 408,
    TooLarge: 413,
    Unsupported: 415,
    Overloaded: 429,
    ClientGone: 499,
    ModelFailed: 500,
    NotReady: 503,
    DeadlineExceeded: 504,
}


def status_of(failure: RequestError) -> int:
    """Return the HTTP status of a failure; that of a model's own exception depends on the exception."""
    own = failure.status if isinstance(failure, ModelRaised) else None
    return STATUS[type(failure)] if own is None else own


JSON_TYPE = b"application/json"


def error_body(code: str, message: str) -> bytes:
    """Return MLflow's error object, with the member `error` that Open Inference clients read."""
    return json.dumps({"error_code": code, "message": message, "error": message}).encode()


def error_headers(failure: RequestError) -> list[tuple[bytes, bytes]]:
    """Return `Retry-After` where the failure says when to try again."""
    if failure.retry_after is None:
        return []
    return [(b"retry-after", str(failure.retry_after).encode())]


def internal_error(request_id: str) -> RequestError:
    """Return the error for a bug of ours: it says how to find the details in the log."""
    return ModelFailed(f"The server failed on this request; see its log under request id {request_id}.")


_HTTP_CODES = {404: "ENDPOINT_NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
_HTTP_MESSAGES = {
    404: "There is nothing at this path. Predictions are at POST /invocations; /docs lists the rest.",
    405: "This path does not take this method; /docs lists what it takes.",
}


async def answer_http_error(_: Request, failure: Exception) -> Response:
    """Answer a routing error (no such path, wrong method) with our JSON object."""
    status = failure.status_code if isinstance(failure, HTTPException) else 500
    headers = dict(failure.headers or {}) if isinstance(failure, HTTPException) else {}
    body = error_body(
        _HTTP_CODES.get(status, "BAD_REQUEST"), _HTTP_MESSAGES.get(status, "The request failed.")
    )
    return Response(body, status, headers, "application/json")


async def answer_request_error(_: Request, failure: Exception) -> Response:
    """Answer one of our own failures, raised in a FastAPI route."""
    if not isinstance(failure, RequestError):
        raise failure
    headers = {name.decode(): value.decode() for name, value in error_headers(failure)}
    return Response(
        error_body(failure.code, failure.message), status_of(failure), headers, "application/json"
    )


async def answer_bug(_: Request, failure: Exception) -> Response:
    """Answer any other exception, which is a bug of ours: log it with its traceback, reveal no detail."""
    logger.error("a request failed unexpectedly", exc_info=failure)
    return Response(
        error_body("INTERNAL_ERROR", "The server failed on this request; see its log."),
        500,
        media_type="application/json",
    )
