"""Checks what restore_database.sh has made: the schema is the backup's, and which artifacts are there."""

import json
from collections.abc import Iterator

import database
import schema
import verdict
from artifacts import list_artifacts
from backups import LISTING, MANIFEST, read_listing
from botocore.exceptions import BotoCoreError, ClientError
from mlflow.exceptions import MlflowException
from prepare_dump import FOLDER


def lost_artifacts() -> Iterator[str]:
    """Files that the backup lists and the store has not, or has with other content."""
    present = {entry["path"]: (entry["size"], entry["etag"]) for entry in list_artifacts()}
    for entry in read_listing(FOLDER / LISTING):
        if present.get(entry["path"]) != (entry["size"], entry["etag"]):
            yield entry["path"]


def compare_artifacts(listed: int) -> str:
    """One sentence about the artifacts; they are not part of the database, so nothing here fails."""
    try:
        lost = list(lost_artifacts())
    except (OSError, BotoCoreError, ClientError, MlflowException) as error:
        return f"The artifact store could not be compared with the backup's listing: {error}."
    if not lost:
        return f"All {listed} artifacts that the backup lists are in the store, unchanged."
    return (
        f"{len(lost)} of the {listed} artifacts that the backup lists are missing from the store or changed, "
        f"such as {', '.join(lost[:3])}."
    )


def main() -> None:
    """Compare and report."""
    verdict.begin()
    manifest = json.loads((FOLDER / MANIFEST).read_text())
    about = manifest["database"]
    with database.connect() as connection:
        found, rows = schema.read_revision(connection), schema.count_rows(connection)
    if found != about["revision"]:
        verdict.refuse(
            f"The restored database has the schema {found}, but the backup says {about['revision']}"
        )
    verdict.succeed(
        f"Restored {manifest['name']}: {schema.describe(rows)}. "
        f"{compare_artifacts(manifest['artifacts']['files'])} "
        "Now run `helm upgrade` with restore.from empty: it migrates the schema if need be and starts "
        "the servers."
    )


if __name__ == "__main__":
    main()
