"""S3: the files at `s3://bucket/prefix`, listed and their URLs presigned with botocore."""

import asyncio
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import botocore.config
import botocore.session
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from davit_registry.errors import Denied, InvalidReference, NotFound, RegistryError, StoreUnavailable
from davit_registry.listing import File, Listing, bare_etag
from davit_registry.stores.s3_headers import S3Headers
from davit_registry.stores.source import SignedRequest, StoreAccess
from davit_registry.unreachable import STORE, connection_error

_ENDPOINTS = ("MLFLOW_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_ADDRESSING = ("auto", "path", "virtual")
_VALID_SECONDS = 900
_LARGE_BYTES = 16 << 20
# Signed, therefore to be sent: requests the checksum that was stored with the file.
_CHECKSUM_MODE = {"x-amz-checksum-mode": "ENABLED"}
_DENIALS = {
    "403",
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "XAdminUserNotFound",  # versitygw, for an unknown access key
}
_WRONG_REGION = {
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
}


@dataclass(frozen=True, slots=True)
class S3Options:
    """Credentials and address of an S3 store; empty strings stand for boto3's own search.

    Attributes:
        isolated: Whether that search must not take an endpoint or a region from this process's environment.
        addressing: Where the bucket's name goes: into the `path`, into the `virtual` host, or `auto`: into
            the path where an endpoint is set, as most stores other than AWS expect.
        ca_file: A PEM file of CA certificates to trust instead of the system's.
    """

    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = ""
    endpoint_url: str = ""
    ca_file: str = ""
    addressing: str = "auto"
    isolated: bool = False

    def __post_init__(self) -> None:
        """Reject an addressing style that boto3 does not know.

        Raises:
            InvalidReference: It does not.
        """
        if self.addressing not in _ADDRESSING:
            raise InvalidReference(
                f"AWS_S3_ADDRESSING_STYLE is {self.addressing!r}",
                reason="InvalidStoreSettings",
                cure=f"set it to one of {', '.join(_ADDRESSING)}, or unset it",
            )


def read_options(access: StoreAccess) -> S3Options:
    """Read AWS's environment variables.

    Raises:
        InvalidReference: The addressing style is none.
    """
    given = access.values.get
    return S3Options(
        access_key_id=given("AWS_ACCESS_KEY_ID", ""),
        secret_access_key=given("AWS_SECRET_ACCESS_KEY", ""),
        session_token=given("AWS_SESSION_TOKEN", ""),
        region=given("AWS_REGION") or given("AWS_DEFAULT_REGION", ""),
        endpoint_url=next((url for name in _ENDPOINTS if (url := given(name))), ""),
        ca_file=given("AWS_CA_BUNDLE") or access.ca_file,
        addressing=given("AWS_S3_ADDRESSING_STYLE", "auto"),
        isolated=access.isolated,
    )


def open_source(location: str, access: StoreAccess) -> "S3Source":
    """Open a location.

    Raises:
        InvalidReference: The location or a setting is invalid.
    """
    return S3Source(location, read_options(access))


class S3Source(S3Headers):
    """A model under `s3://bucket/prefix`.

    Args:
        location: That URI.
        options: Credentials and address of the store.
    """

    def __init__(self, location: str, options: S3Options) -> None:
        self._location = location
        self._options = options
        self._bucket, self._prefix = split_s3(location)

    async def list_files(self) -> list[File]:
        """List every file below the prefix, empty ones too.

        Raises:
            InvalidReference: The bucket's name is invalid, or there are far more files than in a model.
            NotFound: No such bucket, or nothing at the location.
            Denied: The store refuses us.
            Unavailable: The store gives no usable response.
        """
        return await asyncio.to_thread(self._list)

    async def sign(self, file: File) -> SignedRequest:
        """Presign a URL that is valid for a quarter of an hour."""
        about = await asyncio.to_thread(self._describe, file) if file.size > _LARGE_BYTES else {}
        return SignedRequest(self._presign(file), _CHECKSUM_MODE, about=about)

    def _list(self) -> list[File]:
        listing = Listing(self._location)
        pages = s3_client(self._options).get_paginator("list_objects_v2")
        try:
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix):
                for entry in page.get("Contents", []):
                    _add(listing, entry, self._prefix)
        except (BotoCoreError, ClientError) as error:
            raise store_error(error, self._location) from error
        return listing.files()

    def _presign(self, file: File) -> str:
        try:
            url = s3_client(self._options).generate_presigned_url(
                "get_object", Params=self._object(file), ExpiresIn=_VALID_SECONDS
            )
        except BotoCoreError as error:
            raise store_error(error, self._location) from error
        return str(url)

    def _describe(self, file: File) -> dict[str, str]:
        """Get the checksum of a large file, which no response with a part has, and MD5 is slow to compute."""
        try:
            answer = s3_client(self._options).head_object(**self._object(file))
        except (BotoCoreError, ClientError):
            return {}  # the download will meet the same problem, and explain it
        return dict(answer["ResponseMetadata"]["HTTPHeaders"])

    def _object(self, file: File) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + file.path, "ChecksumMode": "ENABLED"}


def split_s3(uri: str) -> tuple[str, str]:
    """Split a location into bucket, and prefix that is empty or ends with `/`: it is a directory.

    Without that slash `models/1` would bring `models/10` along.

    Raises:
        InvalidReference: The URI is no `s3://bucket/prefix`.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, path = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise InvalidReference(f"{uri!r} is no location in S3", cure="write s3://BUCKET/PREFIX")
    path = path.strip("/")
    return bucket, f"{path}/" if path else ""


@lru_cache(maxsize=32)
def s3_client(options: S3Options) -> Any:
    """Make a client with strict time limits; one for each set of options, since making one is slow.

    Raises:
        InvalidReference: The endpoint is no URL, or boto3's own configuration is broken.
    """
    # boto3's own `auto` presigns for AWS's global endpoint, which redirects to the bucket's region; `virtual`
    # names the region, and falls back to the path for buckets with dots.
    automatic = "path" if options.endpoint_url else "virtual"
    config = botocore.config.Config(
        signature_version="s3v4",  # presigned URLs would else be signed the old way, which many stores refuse
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 2},
        proxies={},  # none, as for all that is downloaded
        s3={"addressing_style": automatic if options.addressing == "auto" else options.addressing},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        ignore_configured_endpoint_urls=options.isolated,
    )
    one_region = bool(options.endpoint_url) or options.isolated
    try:
        # boto3 makes the same client on top of this, and takes a tenth of a second more to import.
        return botocore.session.Session().create_client(
            "s3",
            aws_access_key_id=options.access_key_id or None,
            aws_secret_access_key=options.secret_access_key or None,
            aws_session_token=options.session_token or None,
            # Stores other than AWS's have one region, and every client must still name one; AWS redirects.
            region_name=options.region or ("us-east-1" if one_region else None),
            endpoint_url=options.endpoint_url or None,
            verify=options.ca_file or None,
            config=config,
        )
    except ValueError as error:
        raise InvalidReference(
            "the endpoint of the store is no URL",
            reason="InvalidEndpoint",
            cure="set AWS_ENDPOINT_URL to http://HOST:PORT or https://HOST",
        ) from error
    except BotoCoreError as error:
        raise InvalidReference(
            f"the AWS configuration of this process cannot be used ({type(error).__name__})",
            reason="InvalidStoreSettings",
            cure="check AWS_PROFILE and the files it names, or unset it",
        ) from error


def _add(listing: Listing, entry: dict[str, Any], prefix: str) -> None:
    """Skip the empty keys that end with a slash, which consoles make to show folders."""
    path = entry["Key"].removeprefix(prefix)
    if path and not (path.endswith("/") and not entry["Size"]):
        listing.add(File(path, entry["Size"], bare_etag(entry.get("ETag", ""))))


def store_error(error: Exception, uri: str) -> RegistryError:
    """Explain an error of boto3. Its own text is left out: it may name keys."""
    if isinstance(error, ClientError):
        return _answered(str(error.response.get("Error", {}).get("Code", "")), uri)
    if isinstance(error, ParamValidationError):
        return _no_bucket_name(uri)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return Denied(
            f"there are no credentials for {uri}",
            reason="StoreDenied",
            cure="give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the store Secret",
        )
    slow = isinstance(error, ConnectTimeoutError | ReadTimeoutError)
    cure = "check AWS_ENDPOINT_URL, and that the store runs and can be reached; this is retried"
    return connection_error(error, f"the store of {uri}", STORE, slow=slow, cure=cure)


def _answered(code: str, uri: str) -> RegistryError:
    if code == "NoSuchBucket":
        return NotFound(
            f"there is no bucket for {uri}", reason="BucketNotFound", cure="check the name, or create it"
        )
    if code == "InvalidBucketName":
        return _no_bucket_name(uri)
    if code in _DENIALS:
        return Denied(
            f"the store refuses to list {uri} ({code})",
            reason="StoreDenied",
            cure="check the keys in the store Secret, and that they may list and read the bucket",
        )
    if code in _WRONG_REGION:
        return Denied(
            f"the bucket of {uri} is in another region ({code})",
            reason="StoreRegion",
            cure="set AWS_REGION in the store Secret to the region of the bucket",
        )
    return StoreUnavailable(
        f"the store cannot list {uri} ({code or 'no code'})",
        reason="StoreFailing",
        cure="look into the store's log; this is retried",
    )


def _no_bucket_name(uri: str) -> InvalidReference:
    return InvalidReference(
        f"{uri!r} names a bucket that no store can have",
        reason="InvalidLocation",
        cure="write s3://BUCKET/PREFIX; a bucket's name has lower-case letters, digits, dots and hyphens",
    )
