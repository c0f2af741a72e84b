"""The files of a model listed straight in an S3 store."""

import asyncio
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

from davit_registry.errors import Denied, InvalidReference, NotFound, RegistryError, Unavailable
from davit_registry.listing import File, Listing, bare_etag
from davit_registry.s3_options import S3Options
from davit_registry.unreachable import STORE, no_answer

__all__ = ["S3Options", "list_s3", "s3_client", "split_s3", "store_error"]

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


def split_s3(uri: str) -> tuple[str, str]:
    """Bucket, and prefix that is empty or ends with `/`: a model's location is a directory.

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
    """A boto3 client with strict time limits; one for each set of options, since making one is slow.

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
    )
    try:
        # boto3 makes the same client on top of this, and takes a tenth of a second more to import.
        return botocore.session.Session().create_client(
            "s3",
            aws_access_key_id=options.access_key_id or None,
            aws_secret_access_key=options.secret_access_key or None,
            aws_session_token=options.session_token or None,
            # Stores other than AWS's have one region, and every client must still name one.
            region_name=options.region or ("us-east-1" if options.endpoint_url else None),
            endpoint_url=options.endpoint_url or None,
            verify=options.ca_bundle or None,
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


async def list_s3(uri: str, options: S3Options) -> list[File]:
    """Every file below a location, empty ones too, sorted by path.

    Raises:
        InvalidReference: The location is none in S3, or holds far more than a model.
        NotFound: No such bucket, or nothing at the location.
        Denied: The store refuses us.
        Unavailable: The store gives no usable answer.
    """
    return await asyncio.to_thread(_list, uri, options)


def _list(uri: str, options: S3Options) -> list[File]:
    bucket, prefix = split_s3(uri)
    listing = Listing(uri)
    try:
        for page in (
            s3_client(options).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        ):
            for entry in page.get("Contents", []):
                _add(listing, entry, prefix)
    except (BotoCoreError, ClientError) as error:
        raise store_error(error, uri) from error
    return listing.files()


def _add(listing: Listing, entry: dict[str, Any], prefix: str) -> None:
    """Consoles make empty keys that end with a slash, to show folders: they are no files."""
    path = entry["Key"].removeprefix(prefix)
    if path and not (path.endswith("/") and not entry["Size"]):
        listing.add(File(path, entry["Size"], bare_etag(entry.get("ETag", ""))))


def store_error(error: Exception, uri: str) -> RegistryError:
    """What an error of boto3 means. Its own text stays out: it may name keys."""
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
    return no_answer(error, f"the store of {uri}", STORE, slow=slow, cure=cure)


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
    return Unavailable(
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
