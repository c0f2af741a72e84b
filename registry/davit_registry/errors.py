"""What can go wrong between a reference and the files behind it.

Every error carries four things: its class says what a caller should do (correct the reference, wait,
fix credentials), `reason` names the case in one PascalCase word, `cause` names the object and what is
wrong with it, and `cure` says what to do. `str(error)` joins cause and cure into one sentence. None of
them ever contains a credential or the text of a server's answer.
"""

from enum import StrEnum
from typing import ClassVar


class Failure(StrEnum):
    """The class of a failure: who can help, and whether a retry can.

    The operator maps it to conditions; a container writes it into its termination message.
    """

    INVALID_SPEC = "InvalidSpec"
    """Only an edit of the spec helps."""
    WAITING = "Waiting"
    """In progress: time helps."""
    UNAVAILABLE = "Unavailable"
    """No usable answer from registry, store or API server: retried with backoff."""
    DENIED = "Denied"
    """Registry, store or API server answer and refuse us: credentials or permissions help."""
    MODEL_REJECTED = "ModelRejected"
    """The model cannot be served as it is: another version or spec helps."""


class RegistryError(Exception):
    """Any failure to read the registry or a store.

    Args:
        cause: Which object, and what is wrong with it.
        reason: The case as one PascalCase word, stable across releases; the class's own when omitted.
        cure: What to do about it, as an imperative.
    """

    reason = "RegistryError"
    cure = ""
    failure: ClassVar[Failure] = Failure.UNAVAILABLE

    def __init__(self, cause: str, *, reason: str | None = None, cure: str | None = None) -> None:
        self.cause = cause
        self.reason = self.reason if reason is None else reason
        self.cure = self.cure if cure is None else cure
        super().__init__(f"{cause}: {self.cure}" if self.cure else cause)


class InvalidReference(RegistryError):
    """The text of a reference or location cannot be right; only editing it helps."""

    reason = "InvalidReference"
    failure = Failure.INVALID_SPEC


class NotFound(RegistryError):
    """The registry or store answers, and what was asked for is not there or not usable (yet)."""

    reason = "NotFound"
    cure = "check the reference, or register the model"
    failure = Failure.MODEL_REJECTED


class NotFinished(NotFound):
    """What was asked for is there and not complete yet; time helps."""

    reason = "NotFinished"
    cure = "wait until it is complete"
    failure = Failure.WAITING


class Denied(RegistryError):
    """The registry or store answers, and refuses us."""

    reason = "Denied"
    cure = "check the credentials and what they permit"
    failure = Failure.DENIED


class Unavailable(RegistryError):
    """No usable answer: the network, a timeout, an overloaded or failing server. Trying again may help."""

    reason = "Unavailable"
    cure = "check that it runs and can be reached from here; this is retried"
    failure = Failure.UNAVAILABLE


def missing_file(name: str) -> NotFound:
    """A file that was listed is not there."""
    return NotFound(
        f"the file {name} is gone from the store",
        reason="FileMissing",
        cure="restore it, or log and register the model again",
    )
