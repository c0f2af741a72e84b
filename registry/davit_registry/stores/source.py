"""What a store does for its readers: list the files of a model, and sign requests for them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from davit_registry.errors import RegistryError
from davit_registry.listing import File


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """How a store is reached and with which credentials.

    Attributes:
        values: By the environment variables that the store's row names; what is missing is left to the
            client library's own search.
        ca_file: PEM file of the CA certificates to trust instead of the system's; empty for those.
        isolated: Whether nothing but these values counts, because they are another tenant's: this process's
            own environment names its own store, which must not get their requests.
        streams: Whether files behind MLflow's artifact proxy may come through the MLflow server when the
            store is unreachable. They have no entity tags then, so a pinned digest would not be met.
    """

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    ca_file: str = ""
    isolated: bool = False
    streams: bool = False


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """How to read one file with a GET over HTTP. Never shown in a repr: a presigned URL is a credential.

    Attributes:
        url: What to GET.
        headers: What to send along.
        ranges: Whether the server answers range requests and honours `If-Match`.
        about: Response headers about the whole file, names in lower case, if the source has read them.
    """

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False, default_factory=dict)
    ranges: bool = True
    about: Mapping[str, str] = field(repr=False, default_factory=dict)

    def headers_for(self, file: File) -> dict[str, str]:
        """Return the headers of a GET for the file: uncompressed, and rejected if it has changed since."""
        headers = {"Accept-Encoding": "identity", **self.headers}
        if self.ranges and file.etag:
            headers["If-Match"] = f'"{file.etag}"'
        return headers


class Source(ABC):
    """The files of one model in a store. A store of another kind overrides what it knows better."""

    @abstractmethod
    async def list_files(self) -> list[File]:
        """List every file of the model, sorted by path.

        Raises:
            RegistryError: Not found, denied or unavailable.
        """

    @abstractmethod
    async def sign(self, file: File) -> SignedRequest:
        """Sign a request for one file, valid for some minutes; called again when it has expired.

        Raises:
            RegistryError: Not found, denied or unavailable.
        """

    def choose_checksum(self, file: File, headers: Mapping[str, str], *, whole: bool) -> str:  # noqa: ARG002
        """Choose the checksum to verify a file against, as `ALGORITHM:HEX`; empty when there is none.

        Args:
            file: The file as listed.
            headers: Of any response for it, names in lower case.
            whole: Whether that response held the whole file.
        """
        return ""

    def explain_refusal(
        self,
        status: int,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
        file: File,  # noqa: ARG002
    ) -> RegistryError | None:
        """Explain an error response for a file where its headers say more than its status; else None."""
        return None

    async def aclose(self) -> None:  # noqa: B027  most sources keep no connections
        """Close all connections."""
