"""What can go wrong, by who can help: the class decides conditions and retry, the reason names the case.

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

from typing import ClassVar

from davit_registry.errors import Failure


class DavitError(Exception):
    """Anything that keeps a ModelDeployment from being ready and that we can explain.

    Args:
        reason: The case in one PascalCase word, stable across releases.
        message: Names the field or object, what is wrong and the cure. Never a secret, never a payload.
    """

    failure: ClassVar[Failure]

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class InvalidSpec(DavitError):
    """Only an edit of the spec helps."""

    failure: ClassVar[Failure] = Failure.INVALID_SPEC


class Waiting(DavitError):
    """Expected and in progress; looking again later is enough."""

    failure: ClassVar[Failure] = Failure.WAITING


class Unavailable(DavitError):
    """The registry, the store or the API server gives no usable answer."""

    failure: ClassVar[Failure] = Failure.UNAVAILABLE


class Denied(DavitError):
    """The registry, the store or the API server answers and refuses us."""

    failure: ClassVar[Failure] = Failure.DENIED


class ModelRejected(DavitError):
    """The model cannot be served as it is: missing, changed, or failing to load or predict."""

    failure: ClassVar[Failure] = Failure.MODEL_REJECTED


ERRORS: dict[Failure, type[DavitError]] = {
    kind.failure: kind for kind in (InvalidSpec, ModelRejected, Denied, Unavailable, Waiting)
}
"""The error of each class, the gravest first."""
