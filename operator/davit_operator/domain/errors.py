"""Errors of the operator: the class decides conditions and retry, the reason names the case.

| class | meaning | retry |
|---|---|---|
| `InvalidSpec` | only an edit of the spec helps | none |
| `Waiting` | expected, in progress | look again soon |
| `Unavailable` | registry, store or API server gives no answer | back off, keep the last pin |
| `Denied` | they answer and refuse us | slow |
| `ModelRejected` | the model cannot be served as it is | when version or spec changes |

The names are those of `davit_registry.errors.Failure`, which containers write into termination messages.
Every reason, with its class, is in `davit_registry.reasons`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from davit_registry.errors import ExplainedError, Failure, RegistryError


class DavitError(ExplainedError):
    """Anything that keeps a ModelDeployment from being ready and that we can explain.

    Args:
        reason: The case in one PascalCase word, stable across releases.
        cause: Names the field or object and what is wrong. Never a secret, never a payload.
        cure: What to do about it, where the cause does not say so already.
    """

    def __init__(self, reason: str, cause: str, cure: str = "") -> None:
        super().__init__(cause, reason=reason, cure=cure)


class InvalidSpec(DavitError):
    """Only an edit of the spec helps."""

    failure = Failure.INVALID_SPEC


class Waiting(DavitError):
    """Expected and in progress; looking again later is enough."""

    failure = Failure.WAITING


class Unavailable(DavitError):
    """The registry, the store or the API server gives no usable answer."""

    failure = Failure.UNAVAILABLE


class Denied(DavitError):
    """The registry, the store or the API server answers, and refuses us."""

    failure = Failure.DENIED


class ModelRejected(DavitError):
    """The model cannot be served as it is: missing, changed, or failing to load or predict."""

    failure = Failure.MODEL_REJECTED


ERRORS: dict[Failure, type[DavitError]] = {
    kind.failure: kind for kind in (InvalidSpec, ModelRejected, Denied, Unavailable, Waiting)
}
"""The error of each class, the gravest first."""


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Translate errors of the registry reader into the class that decides the conditions.

    Args:
        subject: What was looked up; the message begins with it unless it is named further on.

    Raises:
        DavitError: With the reason, cause and cure of the original.
    """
    try:
        yield
    except RegistryError as error:
        cause = error.cause if subject in error.message else f"{subject}: {error.cause}"
        raise ERRORS[error.failure](error.reason, cause, error.cure) from error
