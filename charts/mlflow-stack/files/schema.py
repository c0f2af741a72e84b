"""What a database of MLflow says about itself: its revision, and how much is in it.

There are two: MLflow's own, and that of its users where it asks for them.
"""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
import verdict
from alembic.script import ScriptDirectory


@dataclass(frozen=True)
class Schema:
    """One of the two.

    Attributes:
        scripts: Folder of its migrations in MLflow's package.
        version_table: Where its revision stands.
        tables: What people would miss.
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
# Nor are permissions, for the same reason.
USERS = Schema("server/auth/db/migrations", "alembic_version_auth", ("users",))


def migrations(of: Schema = MLFLOW) -> ScriptDirectory:
    """Find the installed MLflow's migrations, without the seconds that importing it takes."""
    specification = importlib.util.find_spec("mlflow")
    if specification is None or specification.origin is None:
        verdict.refuse("There is no MLflow in this image: set server.image to one that has it")
    return ScriptDirectory(str(Path(specification.origin).parent / of.scripts))


def read_revision(connection: sqlalchemy.Connection, of: Schema = MLFLOW) -> str | None:
    """The schema's revision; nothing when MLflow has never used this database."""
    if not sqlalchemy.inspect(connection).has_table(of.version_table):
        return None
    version: sqlalchemy.Select[str] = sqlalchemy.select(sqlalchemy.column("version_num")).select_from(
        sqlalchemy.table(of.version_table)
    )
    return connection.execute(version).scalar()


def refuse_unknown(found: str | None, scripts: ScriptDirectory) -> None:
    """A schema that this MLflow has never heard of cannot be taken back.

    Raises:
        SystemExit: It is such a schema.
    """
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        verdict.refuse(
            f"The database has the schema {found} of a newer MLflow, and this one only knows up to "
            f"{scripts.get_current_head()}: install that MLflow again (server.image.tag), or restore a "
            "backup made before the upgrade (restore.from)"
        )


def count_rows(connection: sqlalchemy.Connection, of: Schema = MLFLOW) -> dict[str, int]:
    """The rows of the main tables that are there."""
    there = set(sqlalchemy.inspect(connection).get_table_names())
    return {table: _count(connection, table) for table in of.tables if table in there}


def holds_data(rows: Mapping[str, int]) -> bool:
    """Whether somebody would miss it: what MLflow makes by itself is one experiment and one administrator."""
    return any(rows.get(table, 0) > 1 for table in ("experiments", "users")) or any(
        rows.get(table, 0) for table in ("runs", "registered_models")
    )


def describe(rows: Mapping[str, int]) -> str:
    """The counts that a person knows the size of."""
    known = ("experiments", "runs", "metrics", "registered_models", "model_versions", "users")
    return ", ".join(f"{rows[table]} {table.replace('_', ' ')}" for table in known if table in rows)


def _count(connection: sqlalchemy.Connection, table: str) -> int:
    counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(sqlalchemy.table(table))
    return connection.execute(counted).scalar_one()
