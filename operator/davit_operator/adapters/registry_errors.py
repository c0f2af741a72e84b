"""Errors of the registry reader as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from davit_registry import errors as registry

from davit_operator.domain.errors import ERRORS


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Raises what the registry reader raises as the class that decides the conditions.

    Args:
        subject: What was looked up; the message begins with it unless it is named further on.

    Raises:
        DavitError: With the reason, cause and cure of the original.
    """
    try:
        yield
    except registry.RegistryError as error:
        sentence = f"{error.cause}; {error.cure}" if error.cure else error.cause
        message = sentence if subject in sentence else f"{subject}: {sentence}"
        raise ERRORS[error.failure](error.reason, message) from error
