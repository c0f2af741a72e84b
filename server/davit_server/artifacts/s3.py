"""Files straight from S3. URLs are presigned here, so that the download is plain HTTP for every source."""

import asyncio

from botocore.exceptions import BotoCoreError, ClientError
from davit_registry import File
from davit_registry.s3 import S3Options, list_s3, s3_client, split_s3, store_error

from davit_server.artifacts.source import Permission

_VALID_SECONDS = 900
_LARGE_BYTES = 16 << 20
# Signed, therefore to be sent: asks for the sum that was stored with the file.
_CHECKSUM_MODE = {"x-amz-checksum-mode": "ENABLED"}


class S3Source:
    """A model under `s3://bucket/prefix`.

    Args:
        location: That URI.
        options: Credentials and place of the store.
    """

    def __init__(self, location: str, options: S3Options) -> None:
        self._location = location
        self._options = options
        self._bucket, self._prefix = split_s3(location)

    async def list_files(self) -> list[File]:
        """Every file below the prefix."""
        return await list_s3(self._location, self._options)

    async def permit(self, file: File) -> Permission:
        """A URL that is valid for a quarter of an hour."""
        about = await asyncio.to_thread(self._describe, file) if file.size > _LARGE_BYTES else {}
        return Permission(self._presign(file), _CHECKSUM_MODE, about=about)

    def _presign(self, file: File) -> str:
        try:
            url = s3_client(self._options).generate_presigned_url(
                "get_object", Params=self._object(file), ExpiresIn=_VALID_SECONDS
            )
        except BotoCoreError as error:
            raise store_error(error, self._location) from error
        return str(url)

    def _describe(self, file: File) -> dict[str, str]:
        """The sum of a large file, which no answer with a part of it tells, and MD5 is slow to compute."""
        try:
            answer = s3_client(self._options).head_object(**self._object(file))
        except (BotoCoreError, ClientError):
            return {}  # the download will tell what is wrong
        return dict(answer["ResponseMetadata"]["HTTPHeaders"])

    def _object(self, file: File) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + file.path, "ChecksumMode": "ENABLED"}

    async def aclose(self) -> None:
        """Nothing to close: clients are shared."""
