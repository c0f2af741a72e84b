"""All failures of the server: of a request (answered with an error) and of a model (ends the process).

`davit_server.api.errors` maps failures of requests to status codes.
Messages name what is wrong and the cure; they never contain what the client sent.
"""

from davit_registry.errors import ExplainedError, Failure


class RequestError(Exception):
    """A request that cannot be answered with a prediction.

    Args:
        message: What is wrong and what to do about it; sent to the client unchanged.
        code: MLflow's name for the error where it has one (the client's `error_code`).
        outcome: The label under which the request is counted.
        retry_after: Seconds after which to retry, for `Retry-After`.
    """

    code = "INTERNAL_ERROR"
    outcome = "error"

    def __init__(self, message: str, *, code: str | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.retry_after = retry_after


class InvalidInput(RequestError):
    """The request does not fit the model; only another request can succeed."""

    code = "BAD_REQUEST"
    outcome = "invalid"


class UnknownModel(RequestError):
    """The path names a model or version that this server does not serve."""

    code = "RESOURCE_DOES_NOT_EXIST"
    outcome = "unknown_model"


class TooLarge(RequestError):
    """The body, its nesting or its number of rows is beyond the limit."""

    code = "REQUEST_TOO_LARGE"
    outcome = "too_large"


class Unsupported(RequestError):
    """The server does not read this media type."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    outcome = "unsupported"


class NotReady(RequestError):
    """The model is not loaded yet, or the server is shutting down."""

    code = "TEMPORARILY_UNAVAILABLE"
    outcome = "not_ready"


class Overloaded(RequestError):
    """The queue is full."""

    code = "REQUEST_LIMIT_EXCEEDED"
    outcome = "overloaded"


class DeadlineExceeded(RequestError):
    """The prediction took longer than a request may take."""

    code = "DEADLINE_EXCEEDED"
    outcome = "deadline"


class TooSlow(RequestError):
    """The client did not send its whole request in time."""

    code = "REQUEST_TIMEOUT"
    outcome = "cancelled"


class ClientGone(RequestError):
    """The client disconnected before its request was complete; no answer can be delivered."""

    code = "CANCELLED"
    outcome = "cancelled"


class ModelFailed(RequestError):
    """The model returned something that cannot be sent: the model is at fault, not the request."""

    code = "INTERNAL_ERROR"
    outcome = "model_failed"


class ModelRaised(RequestError):
    """The model's own code raised; the exception is the `__cause__`.

    Args:
        message: What may be sent to the client: never the exception's text, which often quotes the input.
        code: MLflow's name for the error.
        status: The HTTP status that MLflow's scoring server gives the same exception; None for that of most.
    """

    code = "BAD_REQUEST"
    outcome = "model_raised"

    def __init__(self, message: str, *, code: str | None = None, status: int | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status


class ModelRejected(ExplainedError):
    """The model is not served: the process ends with the reason.

    Args:
        stage: `fetch`, `load`, `smoke-test` or `serve`.
        reason: One PascalCase word, for conditions and dashboards.
        cause: What happened, naming the file or library.
        cure: What to do about it.
        failure: The class of the failure, from which the operator derives conditions and retries.
    """

    def __init__(
        self, stage: str, reason: str, cause: str, cure: str, failure: Failure = Failure.MODEL_REJECTED
    ) -> None:
        super().__init__(cause, reason=reason, cure=cure)
        self.stage = stage
        self.failure = failure

    def __str__(self) -> str:
        return f"{self.stage}: {self.reason}: {self.cause} {self.cure}"

    def as_dict(self) -> dict[str, str]:
        """Return the five fields of the termination message."""
        return {**self.explanation(), "stage": self.stage}
