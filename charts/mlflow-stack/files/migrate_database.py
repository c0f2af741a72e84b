"""Brings MLflow's database to the schema of the MLflow in this image; an empty one is filled.

One at a time: two would break each other, so the second waits for the lock and then finds nothing to do. A
schema that holds data is changed only when its backup is kept. In PostgreSQL the change and the check that no
row went missing are one transaction: it is there whole, or not at all.
"""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import database
import dumps
import save_backup
import schema
import sqlalchemy
import users
import verdict
from alembic.runtime.environment import EnvironmentContext
from mlflow.store.db import utils as mlflow_database
from sqlalchemy.exc import DBAPIError, OperationalError

LOCK_NUMBER = 0x6D6C666C6F77  # any number that only migrations of MLflow use: "mlflow"
LOCK_SECONDS = 86400
# Behind a migration that waits for a table, every server waits too: rather try again than stand in the way.
TABLE_LOCK = "SET LOCAL lock_timeout = '60s'"

_LOCKS = {
    "postgresql": f"SELECT pg_advisory_lock({LOCK_NUMBER})",
    "mysql": f"SELECT GET_LOCK('mlflow-migration', {LOCK_SECONDS})",
}

logger = logging.getLogger("migration")


class RowsMissingError(Exception):
    """A table has fewer rows than before."""


@contextmanager
def exclusively() -> Iterator[None]:
    """Hold the lock; it goes with its connection. SQLite has one server, and its file a lock of its own."""
    with database.connect(autocommit=True) as connection:
        if statement := _LOCKS.get(connection.dialect.name):
            logger.info("Waiting for the migrations' lock")
            connection.execute(sqlalchemy.text(statement))
        yield


def migrate(found: str) -> None:
    """Change the schema, and check that nobody's rows went away."""
    if database.engine().dialect.name == "postgresql":
        with database.engine().begin() as connection:
            connection.execute(sqlalchemy.text(TABLE_LOCK))
            before = schema.count_rows(connection)
            run_migrations(connection)
            compare(before, schema.count_rows(connection))
        return
    with database.connect() as connection:
        before = schema.count_rows(connection)
    mlflow_database._upgrade_db(database.engine())  # noqa: SLF001 - `mlflow db upgrade`, which wants a URL
    with database.connect() as connection:
        compare(before, schema.count_rows(connection))
    logger.info("Migrated from %s", found)


def run_migrations(connection: sqlalchemy.Connection) -> None:
    """All migrations in the connection's transaction; MLflow's own way opens another one."""
    scripts = schema.migrations()
    config = mlflow_database._get_alembic_config(str(connection.engine.url))  # noqa: SLF001 - as MLflow does

    def steps(revision: tuple[str, ...], _context: object) -> list[object]:
        # As `alembic upgrade` does, whose own call is untyped: what it passes on is a tuple.
        return list(scripts._upgrade_revs("heads", revision))  # type: ignore[arg-type]  # noqa: SLF001

    with EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def compare(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """More rows are fine: servers go on writing.

    Raises:
        RowsMissingError: Some table has fewer.
    """
    lost = [
        f"{table}: {before[table]} -> {after.get(table, 0)}"
        for table in before
        if after.get(table, 0) < before[table]
    ]
    if lost:
        raise RowsMissingError(", ".join(lost))


def keep_backup(found: str | None, wanted: str | None) -> str:
    """Keep what has been dumped because a schema must change, MLflow's or its users'; says under which name.

    Raises:
        SystemExit: The dump is not of what is there now; nothing has been changed then.
    """
    if os.environ.get("MIGRATION_BACKUP") != "true":
        return "no backup, as migration.backup says"
    own = next(dumps.all_parts())
    dumped = json.loads((own.folder / "state.json").read_text())["revision"]
    if dumped == found:
        name = save_backup.save("migration")
        return f"the backup {name}" if name else "no backup, since there was no data"
    if found != wanted:
        verdict.give_up(f"The dump is of schema {dumped}, but the database has {found} by now")
    return "the backup of another migration, which has just been here"


def upgrade(found: str | None, wanted: str | None, kept: str) -> str:
    """Do what is needed; returns what was done."""
    if found == wanted:
        return f"The schema is current ({wanted}); nothing was changed"
    if found is None:
        mlflow_database._initialize_tables(database.engine())  # noqa: SLF001 - `mlflow db upgrade` of 2.x cannot
        return f"The database is filled with the schema {wanted}"
    try:
        migrate(found)
    except RowsMissingError as error:
        refuse_migration(found, kept, f"rows went missing ({error})")
    except OperationalError as error:
        verdict.give_up(
            f"{explain(found, kept)} The database says: {database.cause(error)}. It is tried again."
        )
    except DBAPIError as error:
        refuse_migration(found, kept, database.cause(error))
    return f"Migrated from schema {found} to {wanted}; {kept}"


def refuse_migration(found: str, kept: str, cause: str) -> None:
    """End for good, saying what state everything is in."""
    verdict.refuse(f"{explain(found, kept)} Cause: {cause}. Remove the cause and run `helm upgrade` again.")


def explain(found: str, kept: str) -> str:
    """What has happened to the database, in the words of the person who must act."""
    name = database.engine().dialect.name
    if name == "postgresql":
        state = f"everything was taken back: the schema is still {found} and no data is lost."
    else:
        state = (
            f"{name} cannot take changes back, so the schema may be past {found} in part: see restore.from."
        )
    return f"The migration failed; {state} The servers of before go on. There is {kept}."


def main() -> None:
    """Migrate while holding the lock."""
    verdict.begin()
    with exclusively():
        scripts = schema.migrations()
        wanted = scripts.get_current_head()
        with database.connect() as connection:
            found = schema.read_revision(connection)
        schema.refuse_unknown(found, scripts)
        kept = keep_backup(found, wanted)
        # Before MLflow's own schema, which is what servers of a new release wait for.
        about_users = users.prepare() if users.are_wanted() else ""
        verdict.succeed(about_users + upgrade(found, wanted, kept))


if __name__ == "__main__":
    main()
