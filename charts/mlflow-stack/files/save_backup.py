"""Stores the dumps as the scheduled backup and deletes old ones according to BACKUP_KEEP."""

import json
import os

import dumps
import termination
from backups import Backups, Manifest
from mlflow.exceptions import MlflowException

KEEP = int(os.environ.get("BACKUP_KEEP", "7"))


def describe(part: dumps.Part) -> Manifest:
    """Return what a restore must know about a dumped database."""
    about: Manifest = json.loads((part.folder / "state.json").read_text())
    about["system"] = part.address.get_backend_name()
    if (schema := part.folder / "schema").exists():
        about["schema"] = schema.read_text().strip()
    return about


def save(kind: str) -> str | None:
    """Store the dumps, if there are any, and return the backup's name."""
    about = {part.name: describe(part) for part in dumps.all_parts() if part.dump.exists()}
    if not about:
        return None
    backups = Backups()
    try:
        name = backups.save(dumps.FOLDER, kind, about)
        backups.prune(kind, KEEP)
    except (OSError, MlflowException) as error:
        termination.fail_and_retry(f"The backup could not be stored in {backups.destination}: {error}")
    return name


def main() -> None:
    """Save the backup and report it."""
    termination.begin()
    name = save("scheduled")
    termination.succeed(f"Saved the backup {name}" if name else "There was nothing to back up")


if __name__ == "__main__":
    main()
