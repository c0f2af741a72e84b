"""Manages MLflow's users in MLFLOW_AUTH_DATABASE: a second database on the same server.

That is PostgreSQL, or a file of SQLite: in MySQL MLflow cannot create these tables, since two of their
foreign keys have the same name.

MLflow creates its administrator once and then ignores the configured password. Here every migration sets the
password from the Secret, so that it can be rotated there.
"""

import configparser
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import database
import schema
import sqlalchemy
from sqlalchemy.exc import DBAPIError, OperationalError

if TYPE_CHECKING:
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

CONFIGURATION = Path("/tmp/basic_auth.ini")  # noqa: S108 - a volume of the pod's own

logger = logging.getLogger("users")


def enabled() -> bool:
    """Return whether user accounts are enabled."""
    return "MLFLOW_AUTH_DATABASE" in os.environ


def address() -> sqlalchemy.URL:
    """Return the URL of the users' database."""
    beside, name = database.address(), os.environ["MLFLOW_AUTH_DATABASE"]
    if beside.get_backend_name() == "sqlite":
        name = str(Path(beside.database or "").with_name(f"{name}.db"))
    return beside.set(database=name)


def write_configuration() -> None:
    """Write the file that MLflow reads, mode 0600, since the address may contain a password."""
    parser = configparser.RawConfigParser()
    parser["mlflow"] = {
        "default_permission": os.environ["MLFLOW_AUTH_DEFAULT_PERMISSION"],
        # MLflow reads the file with interpolation, which requires every percent sign twice.
        "database_uri": address().render_as_string(hide_password=False).replace("%", "%%"),
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds": os.environ["MLFLOW_AUTH_CACHE_SECONDS"],
    }
    with open(CONFIGURATION, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        parser.write(file)
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(CONFIGURATION)


def prepare() -> str:
    """Create the database, migrate its schema, and set the administrator's password from the Secret.

    Returns:
        A sentence about a schema that was changed.
    """
    make_database()
    scripts = schema.migrations(schema.USERS)
    with database.engine(address()).connect() as connection:
        found = schema.read_revision(connection, schema.USERS)
    schema.reject_unknown(found, scripts)
    write_configuration()
    # The import reads the configuration.
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

    store = SqlAlchemyStore()
    store.init_db(address().render_as_string(hide_password=False))
    keep_administrator(store)
    wanted = scripts.get_current_head()
    return f"The schema of users was {found} and is {wanted}. " if found not in (None, wanted) else ""


def keep_administrator(store: "SqlAlchemyStore") -> None:
    """Create the administrator, or set its password to the one in the Secret."""
    name, password = os.environ["MLFLOW_AUTH_ADMIN_USERNAME"], os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"]
    if len(password) < 12:
        sys.exit("The key password in the Secret of auth.existingSecret must have 12 characters or more")
    if not store.has_user(name):
        store.create_user(name, password, is_admin=True)
        logger.info("Created the administrator %s", name)
    elif not store.authenticate_user(name, password):
        store.update_user(name, password=password, is_admin=True)
        logger.info("The administrator %s now has the password of the Secret", name)


def make_database() -> None:
    """Create the database unless it exists."""
    if database_exists() or address().get_backend_name() == "sqlite":
        return
    name = os.environ["MLFLOW_AUTH_DATABASE"]
    with database.connect(autocommit=True) as connection:
        quoted = connection.dialect.identifier_preparer.quote(name)
        try:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {quoted}"))
        except DBAPIError as error:
            sys.exit(
                f"The database {name} for MLflow's users cannot be created ({database.cause(error)}): "
                "create it, owned by the user of database.username, and run `helm upgrade` again"
            )
    logger.info("Created the database %s", name)


def database_exists() -> bool:
    """Return whether the database exists, empty or not."""
    url = address()
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "").exists()
    with database.connect() as connection:
        known = connection.execute(sqlalchemy.text("SELECT datname FROM pg_database")).scalars()
        return url.database in known.all()


def missing_schema() -> str | None:
    """Return what a server must wait for: it would migrate an older schema by itself, without a backup."""
    scripts = schema.migrations(schema.USERS)
    wanted = scripts.get_current_head()
    try:
        with database.engine(address()).connect() as connection:
            found = schema.read_revision(connection, schema.USERS)
    except OperationalError as error:
        return f"the database of users: {database.cause(error)}"
    if found == wanted:
        return None
    schema.reject_unknown(found, scripts)
    return f"the migration Job to bring the database of users from schema {found or 'none'} to {wanted}"
