"""Fetches the backup that RESTORE_FROM names and makes sure that it may replace what is in the databases.

Refuses a database that holds data unless RESTORE_OVERWRITE is true, and waits until nobody uses it any more.
"""

import logging
import os
import time
from pathlib import Path

import database
import dumps
import schema
import sqlalchemy
import users
import verdict
from backups import Backups, Manifest
from mlflow.exceptions import MlflowException

PATIENCE_SECONDS = 300

_OTHERS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND usename = current_user AND pid <> pg_backend_pid()",
    "sqlite": "SELECT 0",
    "mysql": "SELECT count(*) FROM information_schema.processlist "
    "WHERE db = database() AND id <> connection_id()",
}

logger = logging.getLogger("restore")


def choose(backups: Backups, wanted: str) -> str:
    """The backup's name.

    Raises:
        SystemExit: There is no such backup.
    """
    names = backups.names()
    if not names:
        verdict.refuse(f"There is no backup in {backups.destination}")
    if wanted == "latest":
        return names[-1]
    if wanted not in names:
        verdict.refuse(
            f"restore.from: there is no backup {wanted} in {backups.destination}; the newest are "
            f"{', '.join(names[-5:])}"
        )
    return wanted


def check_system(part: dumps.Part, system: str) -> None:
    """Refuse a dump that another kind of database wrote."""
    here = part.address.get_backend_name()
    if here != system:
        verdict.refuse(f"The backup is of {system}, and it cannot be restored into {here}")


def check_database(part: dumps.Part, connection: sqlalchemy.Connection) -> None:
    """Refuse what must not be overwritten, and await that it is at rest."""
    rows = schema.count_rows(connection, part.schema)
    if schema.holds_data(rows) and os.environ.get("RESTORE_OVERWRITE") != "true":
        verdict.refuse(
            f"The database is not empty: {schema.describe(rows)}. Nothing was changed. "
            "Set restore.overwrite=true to replace all of it by the backup"
        )
    statement = _OTHERS[connection.dialect.name]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while others := connection.execute(sqlalchemy.text(statement)).scalar_one():
        if time.monotonic() > deadline:
            verdict.give_up(
                f"{others} other connections of this user still use the database: stop those clients"
            )
        logger.info("Waiting until %d other connections to the database end", others)
        time.sleep(2)


def fetch() -> Manifest:
    """Leave the backup's files in the folder."""
    backups = Backups()
    dumps.FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        name = choose(backups, os.environ["RESTORE_FROM"])
        manifest = backups.fetch(name, dumps.FOLDER)
    except ValueError as error:
        verdict.refuse(str(error))
    except (OSError, MlflowException) as error:
        verdict.give_up(f"The backup could not be fetched from {backups.destination}: {error}")
    for file in (dumps.FOLDER / name).iterdir():
        file.rename(dumps.FOLDER / file.name)
    return manifest


def prepare(part: dumps.Part, about: Manifest) -> None:
    """Restore what needs no program, and say how to restore what does."""
    if about["system"] == "sqlite":
        dumps.copy_sqlite(part.dump, Path(part.address.database or ""))
    else:
        part.folder.mkdir(exist_ok=True)
        dumps.write_address(part)
        (part.folder / "schema").write_text(about.get("schema") or "public")
    logger.info("Fetched %s: schema %s, %s", part.name, about["revision"], schema.describe(about["rows"]))


def main() -> None:
    """Fetch, look at all that would be replaced, and only then begin."""
    verdict.begin()
    manifest = fetch()
    parts = [part for part in dumps.all_parts() if part.name in manifest]
    for part in parts:
        check_system(part, manifest[part.name]["system"])
    database.connect().close()
    if users.are_wanted():
        users.make_database()
    for part in parts:
        with part.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            check_database(part, connection)
    for part in parts:
        prepare(part, manifest[part.name])


if __name__ == "__main__":
    main()
