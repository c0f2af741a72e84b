"""Checks the artifact store that MLFLOW_ARTIFACTS_DESTINATION names: whether it exists and can be used.

Every function returns what is still missing, or nothing, and ends the process where waiting cannot help.
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
    """Check the store once.

    Args:
        destination: The value of MLFLOW_ARTIFACTS_DESTINATION.
        make_bucket: Whether to create a missing bucket.
    """
    url = urlsplit(destination)
    if url.scheme == "s3":
        return check_bucket(url.netloc, url.path.lstrip("/"), make_bucket=make_bucket)
    return check_with_mlflow(destination) if url.scheme else check_folder(destination)


def check_bucket(bucket: str, prefix: str, *, make_bucket: bool) -> str | None:
    """List a bucket; the answer to a listing, unlike that to a HEAD, says why it is denied."""
    client = boto3.client("s3", endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"))
    try:
        client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    except client.exceptions.NoSuchBucket:
        if not make_bucket:
            sys.exit(
                f"There is no bucket {bucket} in the store: create it, or set store.bucket to another one"
            )
        _make_bucket(client, bucket)
    except botocore.exceptions.ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return _judge(f"bucket {bucket}", error, status)
    except botocore.exceptions.BotoCoreError as error:
        return f"the store: {error}"
    return None


def check_with_mlflow(destination: str) -> str | None:
    """List the destination with MLflow's own client for it and the credentials that MLflow will use."""
    # Costs seconds and many megabytes, which servers of the bundled store need not spend.
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: PLC0415

    try:
        get_artifact_repository(destination).list_artifacts()
    except Exception as error:  # noqa: BLE001 - each cloud's library has errors of its own
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        return _judge(destination, error, int(status) if isinstance(status, int) else _SERVER_ERRORS)
    return None


def check_folder(folder: str) -> str | None:
    """Create the folder on its volume and check that it is writable."""
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - a string is all that there is
    except OSError as error:
        sys.exit(f"The volume of store.persistence is not writable by user {os.getuid()}: {error}")
    if not os.access(folder, os.W_OK):
        sys.exit(
            f"The folder {folder} on the volume of store.persistence is not writable by user {os.getuid()}: "
            "change its owner, or choose another folder in store.prefix"
        )
    return None


def _make_bucket(client: Any, bucket: str) -> None:
    try:
        client.create_bucket(Bucket=bucket)
    except client.exceptions.BucketAlreadyOwnedByYou:
        logger.info("Another server has just created the bucket %s", bucket)
    else:
        logger.info("Created the bucket %s", bucket)


def _judge(what: str, error: Exception, status: int) -> str:
    message = " ".join(str(error).split())[:500]
    if status < _SERVER_ERRORS:
        sys.exit(
            f"The store denies access to {what}: check the credentials in store.existingSecret or the "
            f"rights of the service account. It answers: {message}"
        )
    return f"the store: {message}"
