"""Lists the files of the artifact store that MLFLOW_ARTIFACTS_DESTINATION names."""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

Entry = dict[str, Any]


def list_artifacts() -> Iterator[Entry]:
    """Yield each file's path below the destination, its size and, from an S3 store, its ETag."""
    destination = os.environ["MLFLOW_ARTIFACTS_DESTINATION"]
    if destination.startswith("s3://"):
        yield from _list_s3(destination)
    else:
        yield from _walk(get_artifact_repository(destination), None)


def _list_s3(destination: str) -> Iterator[Entry]:
    place = urlsplit(destination)
    prefix = f"{place.path.strip('/')}/"
    style = os.environ.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE", "auto")
    client = boto3.client(
        "s3",
        endpoint_url=os.environ.get("MLFLOW_S3_ENDPOINT_URL"),
        config=Config(s3={"addressing_style": style}),
    )
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=prefix)
    for entry in (entry for page in pages for entry in page.get("Contents", [])):
        path = entry["Key"].removeprefix(prefix)
        yield {"path": path, "size": entry["Size"], "etag": entry["ETag"].strip('"')}


def _walk(repository: ArtifactRepository, folder: str | None) -> Iterator[Entry]:
    for entry in repository.list_artifacts(folder):
        if entry.is_dir:
            yield from _walk(repository, entry.path)
        else:
            yield {"path": entry.path, "size": entry.file_size, "etag": None}
