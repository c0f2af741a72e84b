"""Migrates MLflow's database to the schema of the MLflow in this image; an empty one is filled.

One at a time: two would conflict, so the second waits for the lock and then finds nothing to do. A schema
that holds data is changed only after a backup. In PostgreSQL the change and the check that no row was lost
are one transaction.
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
import termination
import users
from alembic.runtime.environment import EnvironmentContext
from mlflow.store.db import utils as mlflow_database
from sqlalchemy.exc import DBAPIError, OperationalError

LOCK_NUMBER = 0x6D6C666C6F77  # the letters "mlflow": any number that nothing else locks
LOCK_SECONDS = 86400
# While a migration waits for a table's lock, every server waits behind it: fail and retry instead.
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
    """Hold the lock while its connection lasts; SQLite has one server and locks its own file."""
    with database.connect(autocommit=True) as connection:
        if statement := _LOCKS.get(connection.dialect.name):
            logger.info("Waiting for the migrations' lock")
            connection.execute(sqlalchemy.text(statement))
        yield


def migrate(found: str) -> None:
    """Change the schema, and check that no rows were lost."""
    if database.engine().dialect.name == "postgresql":
        with database.engine().begin() as connection:
            connection.execute(sqlalchemy.text(TABLE_LOCK))
            before = schema.count_rows(connection)
            run_migrations(connection)
            compare(before, schema.count_rows(connection))
        return
    with database.connect() as connection:
        before = schema.count_rows(connection)
    mlflow_database._upgrade_db(database.engine())  # noqa: SLF001 - `mlflow db upgrade`, which takes a URL
    with database.connect() as connection:
        compare(before, schema.count_rows(connection))
    logger.info("Migrated from %s", found)


def run_migrations(connection: sqlalchemy.Connection) -> None:
    """Run all migrations in the connection's transaction; MLflow's own function opens another one."""
    scripts = schema.migrations()
    config = mlflow_database._get_alembic_config(str(connection.engine.url))  # noqa: SLF001 - as MLflow does

    def steps(revision: tuple[str, ...], _context: object) -> list[object]:
        # As in `alembic upgrade`, whose own call is untyped: it passes a tuple.
        return list(scripts._upgrade_revs("heads", revision))  # type: ignore[arg-type]  # noqa: SLF001

    with EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def compare(before: Mapping[str, int], after: Mapping[str, int]) -> None:
    """Compare row counts before and after; more rows are fine, since servers go on writing.

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
    """Store the dump made because a schema must change, MLflow's or its users'; return its description.

    Raises:
        SystemExit: The dump is of another schema than the database has now; nothing was changed.
    """
    if os.environ.get("MIGRATION_BACKUP") != "true":
        return "no backup, since migration.backup is false"
    own = next(dumps.all_parts())
    dumped = json.loads((own.folder / "state.json").read_text())["revision"]
    if dumped == found:
        name = save_backup.save("migration")
        return f"the backup {name}" if name else "no backup, since there was no data"
    if found != wanted:
        termination.fail_and_retry(
            f"The dump is of schema {dumped}, but the database now has {found}: the Job tries again"
        )
    return "the backup of another migration, which has just finished"


def upgrade(found: str | None, wanted: str | None, kept: str) -> str:
    """Migrate if needed and return a summary."""
    if found == wanted:
        return f"The schema is current ({wanted}); nothing was changed"
    if found is None:
        mlflow_database._initialize_tables(database.engine())  # noqa: SLF001 - `mlflow db upgrade` of 2.x cannot
        return f"The database is filled with the schema {wanted}"
    try:
        migrate(found)
    except RowsMissingError as error:
        fail_migration(found, kept, f"rows were lost ({error})")
    except OperationalError as error:
        termination.fail_and_retry(
            f"{explain(found, kept)} The database reports: {database.cause(error)}. The Job tries again."
        )
    except DBAPIError as error:
        fail_migration(found, kept, database.cause(error))
    return f"Migrated from schema {found} to {wanted}; {kept}"


def fail_migration(found: str, kept: str, cause: str) -> None:
    """End without retry, with a message about the state of schema and data."""
    termination.fail(f"{explain(found, kept)} Cause: {cause}. Remove the cause and run `helm upgrade` again.")


def explain(found: str, kept: str) -> str:
    """Describe the state of the database for the administrator."""
    name = database.engine().dialect.name
    if name == "postgresql":
        state = f"it was rolled back: the schema is still {found} and no data is lost."
    else:
        state = f"{name} cannot roll back a schema, which may now be partly past {found}: see restore.from."
    return f"The migration failed; {state} The previous servers keep running. There is {kept}."


def main() -> None:
    """Migrate while holding the lock."""
    termination.begin()
    with exclusively():
        scripts = schema.migrations()
        wanted = scripts.get_current_head()
        with database.connect() as connection:
            found = schema.read_revision(connection)
        schema.reject_unknown(found, scripts)
        kept = keep_backup(found, wanted)
        # Users first: servers of a new release wait for MLflow's own schema only.
        about_users = users.prepare() if users.enabled() else ""
        termination.succeed(about_users + upgrade(found, wanted, kept))


if __name__ == "__main__":
    main()
