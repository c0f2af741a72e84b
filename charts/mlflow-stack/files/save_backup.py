"""Keeps what dump_database.sh has written: the scheduled backup. Old ones go, as BACKUP_KEEP says."""

import json
import os
from pathlib import Path

import database
import verdict
from backups import Backups
from mlflow.exceptions import MlflowException

FOLDER = Path("/work/dump")
KEEP = int(os.environ.get("BACKUP_KEEP", "7"))


def save(kind: str) -> str | None:
    """Keep the dump, if there is one, and return the backup's name."""
    dump = FOLDER / "database.dump"
    if not dump.exists():
        return None
    about = json.loads((FOLDER / "state.json").read_text())
    about["system"] = database.address().get_backend_name()
    if (schema := FOLDER / "schema").exists():
        about["schema"] = schema.read_text().strip()
    backups = Backups()
    try:
        name = backups.save(dump, kind, about)
        backups.prune(kind, KEEP)
    except (OSError, MlflowException) as error:
        verdict.give_up(f"The backup could not be kept in {backups.destination}: {error}")
    return name


def main() -> None:
    """Save and say so."""
    verdict.begin()
    name = save("scheduled")
    verdict.succeed(f"Saved the backup {name}" if name else "There was nothing to back up")


if __name__ == "__main__":
    main()
