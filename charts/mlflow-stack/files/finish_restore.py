"""Verifies a restore: the schemas are the backup's, and how many artifacts are missing."""

import json
from collections.abc import Iterator

import dumps
import schema
import termination
from artifacts import list_artifacts
from backups import LISTING, MANIFEST, dump_names, read_listing
from botocore.exceptions import BotoCoreError, ClientError
from mlflow.exceptions import MlflowException


def lost_artifacts() -> Iterator[str]:
    """Return files of the backup's listing that are missing from the store or have other content there."""
    present = {entry["path"]: (entry["size"], entry["etag"]) for entry in list_artifacts()}
    for entry in read_listing(dumps.FOLDER / LISTING):
        if present.get(entry["path"]) != (entry["size"], entry["etag"]):
            yield entry["path"]


def compare_artifacts(listed: int) -> str:
    """Summarize the artifacts in one sentence; a difference is no error: a restore excludes them."""
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


def check_schema(part: dumps.Part, wanted: str | None) -> str:
    """Compare the restored schema with the backup's; return a summary of the contents."""
    with part.connect() as connection:
        found = schema.read_revision(connection, part.schema)
        rows = schema.count_rows(connection, part.schema)
    if found != wanted:
        termination.fail(f"The restored {part.name} has the schema {found}, but the backup has {wanted}")
    return schema.describe(rows)


def compare_parts(restored: list[str], in_backup: list[str]) -> str:
    """Summarize in one sentence how the stack and the backup differ about users."""
    if "users" in in_backup and "users" not in restored:
        return "Its users were not restored: auth.enabled is false. "
    if "users" not in in_backup and any(part.name == "users" for part in dumps.all_parts()):
        return "It contains no users: the existing ones were kept. "
    return ""


def main() -> None:
    """Compare and report."""
    termination.begin()
    manifest = json.loads((dumps.FOLDER / MANIFEST).read_text())
    contents = {
        part.name: check_schema(part, manifest[part.name]["revision"])
        for part in dumps.all_parts()
        if part.name in manifest
    }
    termination.succeed(
        f"Restored {manifest['name']}: {', '.join(contents.values())}. "
        f"{compare_parts(list(contents), dump_names(manifest))}"
        f"{compare_artifacts(manifest['artifacts']['files'])} "
        "Now run `helm upgrade` with restore.from empty: it migrates the schema if need be and starts "
        "the servers."
    )


if __name__ == "__main__":
    main()
