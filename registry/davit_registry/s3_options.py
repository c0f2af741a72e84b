"""How to reach an S3 store. Apart from the client, which takes a third of a second to import."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class S3Options:
    """Credentials and place of an S3 store; empty strings stand for boto3's own search.

    Attributes:
        addressing: Where the bucket's name goes: into the `path`, into the `virtual` host, or `auto`: into
            the path where an endpoint is named, as most stores other than AWS expect.
        ca_bundle: A PEM file of authorities to trust instead of the usual ones.
    """

    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = ""
    endpoint_url: str = ""
    ca_bundle: str = ""
    addressing: Literal["auto", "path", "virtual"] = "auto"
