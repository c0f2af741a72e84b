"""The headers in responses of an S3 store, for every source with such a store behind it."""

import base64
import re
from collections.abc import Mapping

from davit_registry.errors import Denied, RegistryError
from davit_registry.listing import File
from davit_registry.stores.source import Source

_MD5 = re.compile("[0-9a-f]{32}")
_REDIRECTS = {301, 307, 400}


class S3Headers(Source):
    """A source whose files come from a store with S3's response headers."""

    def choose_checksum(self, file: File, headers: Mapping[str, str], *, whole: bool) -> str:
        """Choose the checksum that was stored with the file, else its entity tag where that is an MD5.

        A checksum in a header describes what the response holds, so only that of a whole file is of use.
        Those with a dash are checksums of checksums, for which the borders of the parts would have to be
        known. The entity tag is the MD5 unless the file was uploaded in parts, is encrypted with keys of its
        own, or lies in a directory bucket (AWS, "Checking object integrity").
        """
        for kind in ("sha256", "sha1", "crc32") if whole else ():
            value = headers.get(f"x-amz-checksum-{kind}", "")
            if value and "-" not in value:
                return f"{kind}:{base64.b64decode(value).hex()}"
        return f"md5:{file.etag}" if _MD5.fullmatch(file.etag) and not _has_opaque_tag(headers) else ""

    def explain_refusal(self, status: int, headers: Mapping[str, str], file: File) -> RegistryError | None:
        """Explain the ways in which S3 redirects to another region."""
        region = headers.get("x-amz-bucket-region", "") if status in _REDIRECTS else ""
        if not region:
            return None
        return Denied(
            f"the bucket of {file.path} is in region {region}",
            reason="StoreRegion",
            cure=f"set AWS_REGION to {region}",
        )


def _has_opaque_tag(headers: Mapping[str, str]) -> bool:
    return (
        headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
        or "x-amz-server-side-encryption-customer-algorithm" in headers
        or headers.get("x-amz-storage-class", "") == "EXPRESS_ONEZONE"
    )
