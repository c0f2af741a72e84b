"""The files of a model listed straight in an S3 store."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.config
import botocore.exceptions

from davit_registry.errors import Denied, InvalidReference, NotFound, RegistryError, Unavailable
from davit_registry.listing import File, bare_etag

_DENIALS = {
    "AccessDenied",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "XAdminUserNotFound",  # versitygw, for an unknown access key
    "403",
}


@dataclass(frozen=True, slots=True)
class S3Options:
    """Credentials and place of an S3 store; empty strings stand for boto3's own search."""

    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = ""
    endpoint_url: str = ""
    ca_bundle: str = ""


def split_s3(uri: str) -> tuple[str, str]:
    """Bucket, and prefix that is empty or ends with `/`: a model's location is a directory.

    Without that slash `models/1` would bring `models/10` along.

    Raises:
        InvalidReference: The URI is no `s3://bucket/prefix`.
    """
    parts = urlsplit(uri, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidReference(f"{uri!r} is no location in S3", cure="write s3://BUCKET/PREFIX")
    path = uri.removeprefix(f"s3://{parts.netloc}").strip("/")
    return parts.netloc, f"{path}/" if path else ""


def s3_client(options: S3Options) -> Any:
    """A boto3 client with strict time limits; path-style where an endpoint is named, as those expect."""
    config = botocore.config.Config(
        signature_version="s3v4",  # presigned URLs would else be signed the old way, which many stores refuse
        connect_timeout=3,
        read_timeout=15,
        retries={"mode": "standard", "max_attempts": 2},
        s3={"addressing_style": "path" if options.endpoint_url else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return boto3.session.Session().client(
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


async def list_s3(uri: str, options: S3Options) -> list[File]:
    """Every file below a location, empty ones too, sorted by path.

    Raises:
        NotFound: No such bucket, or nothing at the location.
        Denied: The store refuses us.
        Unavailable: The store gives no usable answer.
    """
    return await asyncio.to_thread(_list, uri, options)


def _list(uri: str, options: S3Options) -> list[File]:
    bucket, prefix = split_s3(uri)
    try:
        pages = s3_client(options).get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        files = [_file(entry, prefix) for page in pages for entry in page.get("Contents", [])]
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, ValueError) as error:
        raise store_error(error, uri) from error
    found = sorted(file for file in files if not _is_marker(file))
    if not found:
        raise NotFound(
            f"there are no files at {uri}",
            reason="LocationEmpty",
            cure="the model's files were deleted or never uploaded; log and register the model again",
        )
    return found


def _file(entry: dict[str, Any], prefix: str) -> File:
    return File(entry["Key"].removeprefix(prefix), entry["Size"], bare_etag(entry.get("ETag", "")))


def _is_marker(file: File) -> bool:
    """Consoles make empty keys that end with a slash, to show folders."""
    return not file.path or (file.path.endswith("/") and file.size == 0)


def store_error(error: Exception, uri: str) -> RegistryError:
    """What an error of boto3 means. Its own text stays out: it may name keys."""
    if isinstance(error, botocore.exceptions.ClientError):
        return _answered(str(error.response.get("Error", {}).get("Code", "")), uri)
    if isinstance(
        error, botocore.exceptions.NoCredentialsError | botocore.exceptions.PartialCredentialsError
    ):
        return Denied(
            f"there are no credentials for {uri}",
            reason="StoreDenied",
            cure="give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the store Secret",
        )
    return Unavailable(
        f"the store of {uri} gives no answer ({type(error).__name__})",
        reason="StoreUnreachable",
        cure="check AWS_ENDPOINT_URL, and that the store runs and can be reached; this is retried",
    )


def _answered(code: str, uri: str) -> RegistryError:
    if code == "NoSuchBucket":
        return NotFound(
            f"there is no bucket for {uri}", reason="BucketNotFound", cure="check the name, or create it"
        )
    if code in _DENIALS:
        return Denied(
            f"the store refuses to list {uri} ({code})",
            reason="StoreDenied",
            cure="check the keys in the store Secret, and that they may list and read the bucket",
        )
    return Unavailable(
        f"the store cannot list {uri} ({code or 'no code'})",
        reason="StoreFailing",
        cure="look into the store's log; this is retried",
    )
