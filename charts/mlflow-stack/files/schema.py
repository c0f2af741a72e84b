"""What a database of MLflow says about itself: its revision, and how much is in it."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy
import verdict
from alembic.script import ScriptDirectory

# What people would miss. Traces are not counted: releases of MLflow move them between tables.
MAIN_TABLES = (
    *("experiments", "experiment_tags", "runs", "metrics", "latest_metrics", "params", "tags"),
    *("registered_models", "registered_model_tags", "registered_model_aliases"),
    *("model_versions", "model_version_tags", "inputs", "datasets"),
    *("logged_models", "logged_model_metrics", "logged_model_params", "logged_model_tags"),
)


def migrations() -> ScriptDirectory:
    """Find the installed MLflow's migrations, without the seconds that importing it takes."""
    specification = importlib.util.find_spec("mlflow")
    if specification is None or specification.origin is None:
        verdict.refuse("There is no MLflow in this image: set server.image to one that has it")
    return ScriptDirectory(str(Path(specification.origin).parent / "store" / "db_migrations"))


def read_revision(connection: sqlalchemy.Connection) -> str | None:
    """The schema's revision; nothing when MLflow has never used this database."""
    if not sqlalchemy.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()


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


def count_rows(connection: sqlalchemy.Connection) -> dict[str, int]:
    """The rows of the main tables that are there."""
    there = set(sqlalchemy.inspect(connection).get_table_names())
    return {table: _count(connection, table) for table in MAIN_TABLES if table in there}


def holds_data(rows: Mapping[str, int]) -> bool:
    """Whether somebody would miss it: an untouched database has the experiment Default and nothing else."""
    return rows.get("experiments", 0) > 1 or any(
        rows.get(table, 0) for table in ("runs", "registered_models")
    )


def describe(rows: Mapping[str, int]) -> str:
    """The counts that a person knows the size of."""
    known = ("experiments", "runs", "metrics", "registered_models", "model_versions")
    return ", ".join(f"{rows[table]} {table.replace('_', ' ')}" for table in known if table in rows)


def _count(connection: sqlalchemy.Connection, table: str) -> int:
    counted = sqlalchemy.select(sqlalchemy.func.count()).select_from(sqlalchemy.table(table))
    return connection.execute(counted).scalar_one()
