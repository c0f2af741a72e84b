"""The place where MLflow keeps artifacts, as MLFLOW_ARTIFACTS_DESTINATION names it: is it there, and ours?

Every function returns what is still missing, or nothing, and ends the process where waiting is of no use.
"""

import logging
import os
import sys
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.exceptions

_SERVER_ERRORS = 500

logger = logging.getLogger("artifact_store")


def check_store(destination: str, *, make_bucket: bool) -> str | None:
    """Look at the store once.

    Args:
        destination: As MLflow knows it.
        make_bucket: Whether a missing bucket is ours to make.
    """
    url = urlsplit(destination)
    if url.scheme == "s3":
        return check_bucket(url.netloc, url.path.lstrip("/"), make_bucket=make_bucket)
    return check_with_mlflow(destination) if url.scheme else check_folder(destination)


def check_bucket(bucket: str, prefix: str, *, make_bucket: bool) -> str | None:
    """List a bucket; a listing, unlike a HEAD, says why it is refused."""
    client = boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"))
    try:
        client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except client.exceptions.NoSuchBucket:
        if not make_bucket:
            sys.exit(
                f"There is no bucket {bucket} in the store: make it, or name another one in store.bucket"
            )
        _make_bucket(client, bucket)
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return _judge(f"bucket {bucket}", error, status)
    except botocore.exceptions.BotoCoreError as error:
        return f"the store: {error}"
    return None


def check_with_mlflow(destination: str) -> str | None:
    """List the destination by MLflow's own client for it, with the credentials that MLflow will use."""
    # Seconds and many megabytes, which the bundled store's servers need not pay.
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: PLC0415

    try:
        get_artifact_repository(destination).list_artifacts()
    except Exception as error:  # noqa: BLE001 - each cloud's library has errors of its own
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        return _judge(destination, error, int(status) if isinstance(status, int) else _SERVER_ERRORS)
    return None


def check_folder(folder: str) -> str | None:
    """Make the folder on its volume and see that it can be written."""
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - a string is all that there is
    except OSError as error:
        sys.exit(f"The volume of store.persistence cannot be written: {error}")
    if not os.access(folder, os.W_OK):
        sys.exit(f"The folder {folder} on the volume of store.persistence belongs to somebody else")
    return None


def _make_bucket(client: Any, bucket: str) -> None:
    try:
        client.create_bucket(Bucket=bucket)
    except client.exceptions.BucketAlreadyOwnedByYou:
        logger.info("Another server has just made the bucket %s", bucket)
    else:
        logger.info("Made the bucket %s", bucket)


def _judge(what: str, error: Exception, status: int) -> str:
    words = " ".join(str(error).split())[:500]
    if status < _SERVER_ERRORS:
        sys.exit(
            f"The store refuses {what} to the credentials in its Secret or of its service account: {words}"
        )
    return f"the store: {words}"
