"""What a kind of store must be able to do, and what it hands out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from davit_registry import File


@dataclass(frozen=True, slots=True)
class Permission:
    """How to read one file over HTTP. Never shown in a repr: a presigned URL is a credential.

    Attributes:
        url: What to GET.
        headers: What to send along.
        ranges: Whether parts can be asked for, and `If-Match` is honoured.
        about: What the store says of the whole file, as lower-case headers, if the source has asked.
    """

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False, default_factory=dict)
    ranges: bool = True
    about: Mapping[str, str] = field(repr=False, default_factory=dict)


class Source(Protocol):
    """A place with a model's files."""

    async def list_files(self) -> list[File]:
        """Every file of the model.

        Raises:
            RegistryError: Not found, denied or unavailable.
        """

    async def permit(self, file: File) -> Permission:
        """Permission to read one file, valid for some minutes; asked for again when it has expired.

        Raises:
            RegistryError: Not found, denied or unavailable.
        """

    async def aclose(self) -> None:
        """Close all connections."""
