"""Fetches the backup that RESTORE_FROM names and makes sure that it may replace what is in the database.

Refuses a database that holds data unless RESTORE_OVERWRITE is true, and waits until nobody uses it any more.
"""

import logging
import os
import time
from pathlib import Path

import database
import schema
import sqlalchemy
import verdict
from backups import DUMP, Backups
from mlflow.exceptions import MlflowException
from prepare_dump import FOLDER, copy_sqlite, write_address

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


def check_database(connection: sqlalchemy.Connection, system: str) -> None:
    """Refuse what must not be overwritten, and await that it is at rest."""
    here = connection.dialect.name
    if here != system:
        verdict.refuse(f"The backup is of {system}, and it cannot be restored into {here}")
    rows = schema.count_rows(connection)
    if schema.holds_data(rows) and os.environ.get("RESTORE_OVERWRITE") != "true":
        verdict.refuse(
            f"The database is not empty: {schema.describe(rows)}. Nothing was changed. "
            "Set restore.overwrite=true to replace all of it by the backup"
        )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while others := connection.execute(sqlalchemy.text(_OTHERS[here])).scalar_one():
        if time.monotonic() > deadline:
            verdict.give_up(
                f"{others} other connections of this user still use the database: stop those clients"
            )
        logger.info("Waiting until %d other connections to the database end", others)
        time.sleep(2)


def main() -> None:
    """Leave the dump and the database's address in the folder."""
    verdict.begin()
    backups = Backups()
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        name = choose(backups, os.environ["RESTORE_FROM"])
        about = backups.fetch(name, FOLDER)["database"]
    except ValueError as error:
        verdict.refuse(str(error))
    except (OSError, MlflowException) as error:
        verdict.give_up(f"The backup could not be fetched from {backups.destination}: {error}")
    with database.connect(autocommit=True) as connection:
        check_database(connection, about["system"])
    for file in (FOLDER / name).iterdir():
        file.rename(FOLDER / file.name)
    if about["system"] == "sqlite":
        copy_sqlite(FOLDER / DUMP, Path(database.address().database or ""))
    else:
        write_address(database.address())
        (FOLDER / "schema").write_text(about.get("schema") or "public")
    logger.info("Fetched %s: schema %s, %s", name, about["revision"], schema.describe(about["rows"]))


if __name__ == "__main__":
    main()
