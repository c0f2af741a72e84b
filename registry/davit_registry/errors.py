"""Errors that explain themselves: the base of those of all packages, and those of this one."""

from enum import StrEnum


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


class ExplainedError(Exception):
    """A failure with an explanation. It never contains a credential or the text of a server's response.

    Args:
        cause: Which object, and what is wrong with it.
        reason: The case as one PascalCase word, stable across releases; the class's own when omitted.
        cure: What to do about it, as an imperative; the class's own when omitted.

    Attributes:
        failure: Who can help, and whether a retry can.
    """

    reason = ""
    cure = ""
    failure = Failure.UNAVAILABLE

    def __init__(self, cause: str, *, reason: str | None = None, cure: str | None = None) -> None:
        self.cause = cause
        self.reason = self.reason if reason is None else reason
        self.cure = self.cure if cure is None else cure
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """Cause and cure in one sentence."""
        return f"{self.cause}; {self.cure}" if self.cure else self.cause

    def explanation(self) -> dict[str, str]:
        """Return class, reason, cause and cure as they stand in a termination message."""
        return {"class": self.failure.value, "reason": self.reason, "cause": self.cause, "cure": self.cure}


class RegistryError(ExplainedError):
    """Any failure to read the registry or a store."""

    reason = "RegistryError"


class InvalidReference(RegistryError):
    """The text of a reference or location cannot be right; only editing it helps."""

    reason = "InvalidReference"
    failure = Failure.INVALID_SPEC


class NotFound(RegistryError):
    """The registry or store answers, and the requested object does not exist or is not usable (yet)."""

    reason = "NotFound"
    cure = "check the reference, or register the model"
    failure = Failure.MODEL_REJECTED


class UnsupportedStore(NotFound):
    """The files are in a kind of store that cannot be read."""

    reason = "UnsupportedStore"
    cure = (
        "log the model to an experiment whose artifacts are in a supported store or behind MLflow's artifact "
        "proxy"
    )


class NotFinished(NotFound):
    """The requested object exists and is not complete yet; time helps."""

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


class StoreUnavailable(Unavailable):
    """No usable answer from the store, as opposed to the registry."""


def missing_file(name: str) -> NotFound:
    """Explain that a file that was listed is not there."""
    return NotFound(
        f"the file {name} is gone from the store",
        reason="FileMissing",
        cure="restore it, or log and register the model again",
    )
