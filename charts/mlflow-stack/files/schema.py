"""Reads the state of a database of MLflow: its schema revision and how much data it holds.

There are two: MLflow's own, and that of its users where they are enabled.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
import termination
from alembic.script import ScriptDirectory


@dataclass(frozen=True)
class Schema:
    """One of the two schemas.

    Attributes:
        scripts: Folder of its migrations in MLflow's package.
        version_table: The table with its revision.
        tables: The tables with data of users, whose rows are counted.
    """

    scripts: str
    version_table: str
    tables: tuple[str, ...]


# Traces are not counted: releases of MLflow move them between tables.
MLFLOW = Schema(
    "store/db_migrations",
    "alembic_version",
    (
        *("experiments", "experiment_tags", "runs", "metrics", "latest_metrics", "params", "tags"),
        *("registered_models", "registered_model_tags", "registered_model_aliases"),
        *("model_versions", "model_version_tags", "inputs", "datasets"),
        *("logged_models", "logged_model_metrics", "logged_model_params", "logged_model_tags"),
    ),
)
# Permissions are not counted, for the same reason.
USERS = Schema("server/auth/db/migrations", "alembic_version_auth", ("users",))


def migrations(of: Schema = MLFLOW) -> ScriptDirectory:
    """Find the installed MLflow's migrations without importing it, which takes seconds."""
    specification = importlib.util.find_spec("mlflow")
    if specification is None or specification.origin is None:
        termination.fail("There is no MLflow in this image: set server.image to one that contains it")
    return ScriptDirectory(str(Path(specification.origin).parent / of.scripts))


def read_revision(connection: sqlalchemy.Connection, of: Schema = MLFLOW) -> str | None:
    """Read the schema's revision; nothing when MLflow has never used this database."""
    if not sqlalchemy.inspect(connection).has_table(of.version_table):
        return None
    version: sqlalchemy.Select[str] = sqlalchemy.select(sqlalchemy.column("version_num")).select_from(
        sqlalchemy.table(of.version_table)
    )
    return connection.execute(version).scalar()


def reject_unknown(found: str | None, scripts: ScriptDirectory) -> None:
    """Reject a schema that is newer than this MLflow.

    Raises:
        SystemExit: The schema is newer.
    """
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        termination.fail(
            f"The database has the schema {found} of a newer MLflow, and this one supports schemas up to "
            f"{scripts.get_current_head()}: install that MLflow again (server.image.tag), or restore a "
            "backup made before the upgrade (restore.from)"
        )


def count_rows(connection: sqlalchemy.Connection, of: Schema = MLFLOW) -> dict[str, int]:
    """Count the rows of the main tables that exist."""
    there = set(sqlalchemy.inspect(connection).get_table_names())
    return {table: _count(connection, table) for table in of.tables if table in there}


def holds_data(rows: Mapping[str, int]) -> bool:
    """Return whether users have stored data; MLflow itself creates one experiment and one administrator."""
    return any(rows.get(table, 0) > 1 for table in ("experiments", "users")) or any(
        rows.get(table, 0) for table in ("runs", "registered_models")
    )


def describe(rows: Mapping[str, int]) -> str:
    """Format the row counts that users recognize."""
    known = ("experiments", "runs", "metrics", "registered_models", "model_versions", "users")
    return ", ".join(f"{rows[table]} {table.replace('_', ' ')}" for table in known if table in rows)


def _count(connection: sqlalchemy.Connection, table: str) -> int:
    counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(sqlalchemy.table(table))
    return connection.execute(counted).scalar_one()
