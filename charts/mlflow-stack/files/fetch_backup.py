"""Fetches the backup that RESTORE_FROM names and checks that it may replace the data in the databases.

Rejects a database that holds data unless RESTORE_OVERWRITE is true, and waits until no other client uses it.
"""

import logging
import os
import time
from pathlib import Path

import database
import dumps
import schema
import sqlalchemy
import termination
import users
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
    """Return the name of the backup to restore.

    Raises:
        SystemExit: There is no such backup.
    """
    names = backups.names()
    if not names:
        termination.fail(
            f"restore.from: there is no backup in {backups.destination}; check store and backup.prefix"
        )
    if wanted == "latest":
        return names[-1]
    if wanted not in names:
        termination.fail(
            f"restore.from: there is no backup {wanted} in {backups.destination}; the newest are "
            f"{', '.join(names[-5:])}"
        )
    return wanted


def check_system(part: dumps.Part, system: str) -> None:
    """Reject a dump that another kind of database wrote."""
    here = part.address.get_backend_name()
    if here != system:
        termination.fail(
            f"restore.from: the backup is of {system} and cannot be restored into {here}; choose another one"
        )


def check_database(part: dumps.Part, connection: sqlalchemy.Connection) -> None:
    """Reject a database that must not be overwritten, and wait until no other client uses it."""
    rows = schema.count_rows(connection, part.schema)
    if schema.holds_data(rows) and os.environ.get("RESTORE_OVERWRITE") != "true":
        termination.fail(
            f"The database is not empty: {schema.describe(rows)}. Nothing was changed. "
            "Set restore.overwrite=true to replace all of it by the backup"
        )
    statement = _OTHERS[connection.dialect.name]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while others := connection.execute(sqlalchemy.text(statement)).scalar_one():
        if time.monotonic() > deadline:
            termination.fail_and_retry(
                f"{others} other connections of this user still use the database: stop their clients"
            )
        logger.info("Waiting until %d other connections to the database end", others)
        time.sleep(2)


def fetch() -> Manifest:
    """Download the backup's files into the folder."""
    backups = Backups()
    dumps.FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        name = choose(backups, os.environ["RESTORE_FROM"])
        manifest = backups.fetch(name, dumps.FOLDER)
    except ValueError as error:
        termination.fail(str(error))
    except (OSError, MlflowException) as error:
        termination.fail_and_retry(f"The backup could not be fetched from {backups.destination}: {error}")
    for file in (dumps.FOLDER / name).iterdir():
        file.rename(dumps.FOLDER / file.name)
    return manifest


def prepare(part: dumps.Part, about: Manifest) -> None:
    """Restore what needs no program, and write down how to restore the rest."""
    if about["system"] == "sqlite":
        dumps.copy_sqlite(part.dump, Path(part.address.database or ""))
    else:
        part.folder.mkdir(exist_ok=True)
        dumps.write_address(part)
        (part.folder / "schema").write_text(about.get("schema") or "public")
    logger.info("Fetched %s: schema %s, %s", part.name, about["revision"], schema.describe(about["rows"]))


def main() -> None:
    """Fetch the backup and check every database before anything is replaced."""
    termination.begin()
    manifest = fetch()
    parts = [part for part in dumps.all_parts() if part.name in manifest]
    for part in parts:
        check_system(part, manifest[part.name]["system"])
    database.connect().close()
    if users.enabled():
        users.make_database()
    for part in parts:
        with part.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            check_database(part, connection)
    for part in parts:
        prepare(part, manifest[part.name])


if __name__ == "__main__":
    main()
