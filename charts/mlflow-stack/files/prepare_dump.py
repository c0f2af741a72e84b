"""Decides whether the databases must be dumped, and writes for dump_database.sh where they are.

    prepare_dump.py always|before-migration

All databases are dumped or none: users and the objects they have permissions for belong together.
"""

import json
import logging
import sys
from pathlib import Path

import database
import dumps
import schema
import termination
import users

logger = logging.getLogger("backups")


def look(part: dumps.Part) -> bool:
    """Record what a part contains; return whether MLflow has ever used this database."""
    part.folder.mkdir(parents=True, exist_ok=True)
    with part.connect() as connection:
        found = schema.read_revision(connection, part.schema)
        rows = schema.count_rows(connection, part.schema)
    (part.folder / "state.json").write_text(json.dumps({"revision": found, "rows": rows}))
    return found is not None or bool(rows)


def must_migrate(part: dumps.Part) -> bool:
    """Return whether this MLflow will change a schema that holds data."""
    state = json.loads((part.folder / "state.json").read_text())
    scripts = schema.migrations(part.schema)
    schema.reject_unknown(state["revision"], scripts)
    if state["revision"] == scripts.get_current_head() or not schema.holds_data(state["rows"]):
        return False
    contents = schema.describe(state["rows"])
    logger.info("Schema %s must be migrated; first a backup of %s", state["revision"], contents)
    return True


def prepare(part: dumps.Part) -> None:
    """Dump what needs no program, and write down how to dump the rest."""
    if part.address.get_backend_name() == "sqlite":
        dumps.copy_sqlite(Path(part.address.database or ""), part.dump)
    else:
        dumps.write_address(part)


def main() -> None:
    """Inspect the databases once; wait for the database server."""
    termination.begin()
    database.connect().close()
    parts = [part for part in dumps.all_parts() if part.schema is schema.MLFLOW or users.database_exists()]
    used = [part for part in parts if look(part)]
    if parts[0] not in used:
        logger.info("MLflow has never used this database: there is nothing to back up")
    elif sys.argv[1] == "always" or any(must_migrate(part) for part in used):
        for part in used:
            prepare(part)
    else:
        logger.info("No backup: the schema is current, or the database is empty")


if __name__ == "__main__":
    main()
