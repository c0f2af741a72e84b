"""MLflow's users, with MLFLOW_AUTH_DATABASE: a second database on the same server, beside MLflow's own.

That is PostgreSQL, or a file of SQLite: in MySQL MLflow cannot make these tables, for two of their foreign
keys have one name.

MLflow makes its administrator once and never again looks at the password. Here the password in the Secret
counts at every migration, so that it can be changed there.
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


def are_wanted() -> bool:
    """Whether MLflow asks for users at all."""
    return "MLFLOW_AUTH_DATABASE" in os.environ


def address() -> sqlalchemy.URL:
    """The address of their database."""
    beside, name = database.address(), os.environ["MLFLOW_AUTH_DATABASE"]
    if beside.get_backend_name() == "sqlite":
        name = str(Path(beside.database or "").with_name(f"{name}.db"))
    return beside.set(database=name)


def write_configuration() -> None:
    """Write the file that MLflow reads; a password that stands in the address is nobody else's business."""
    parser = configparser.RawConfigParser()
    parser["mlflow"] = {
        "default_permission": os.environ["MLFLOW_AUTH_DEFAULT_PERMISSION"],
        # MLflow reads the file with interpolation, which wants every percent sign twice.
        "database_uri": address().render_as_string(hide_password=False).replace("%", "%%"),
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds": os.environ["MLFLOW_AUTH_CACHE_SECONDS"],
    }
    with open(CONFIGURATION, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        parser.write(file)
    os.environ["MLFLOW_AUTH_CONFIG_PATH"] = str(CONFIGURATION)


def prepare() -> str:
    """Make the database, bring its schema up to date, give the administrator the password in the Secret.

    Returns:
        A sentence about a schema that was changed.
    """
    make_database()
    scripts = schema.migrations(schema.USERS)
    with database.engine(address()).connect() as connection:
        found = schema.read_revision(connection, schema.USERS)
    schema.refuse_unknown(found, scripts)
    write_configuration()
    # Reads the configuration while it is imported.
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415

    store = SqlAlchemyStore()
    store.init_db(address().render_as_string(hide_password=False))
    keep_administrator(store)
    wanted = scripts.get_current_head()
    return f"The schema of users was {found} and is {wanted}. " if found not in (None, wanted) else ""


def keep_administrator(store: "SqlAlchemyStore") -> None:
    """Make the administrator, or give it the password that is in the Secret now."""
    name, password = os.environ["MLFLOW_AUTH_ADMIN_USERNAME"], os.environ["MLFLOW_AUTH_ADMIN_PASSWORD"]
    if len(password) < 12:
        sys.exit("The password of MLflow's administrator in the Secret must have 12 characters or more")
    if not store.has_user(name):
        store.create_user(name, password, is_admin=True)
        logger.info("Made the administrator %s", name)
    elif not store.authenticate_user(name, password):
        store.update_user(name, password=password, is_admin=True)
        logger.info("The administrator %s has the password that is in the Secret now", name)


def make_database() -> None:
    """Make the database unless it is there."""
    if have_database() or address().get_backend_name() == "sqlite":
        return
    name = os.environ["MLFLOW_AUTH_DATABASE"]
    with database.connect(autocommit=True) as connection:
        quoted = connection.dialect.identifier_preparer.quote(name)
        try:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {quoted}"))
        except DBAPIError as error:
            sys.exit(
                f"The database {name} for MLflow's users cannot be made ({database.cause(error)}): "
                "make it, with the user of database.username as its owner, and upgrade again"
            )
    logger.info("Made the database %s", name)


def have_database() -> bool:
    """Whether it is there, with or without something in it."""
    url = address()
    if url.get_backend_name() == "sqlite":
        return Path(url.database or "").exists()
    with database.connect() as connection:
        known = connection.execute(sqlalchemy.text("SELECT datname FROM pg_database")).scalars()
        return url.database in known.all()


def what_is_missing() -> str | None:
    """What a server must wait for: it would change an older schema by itself, with no backup."""
    scripts = schema.migrations(schema.USERS)
    wanted = scripts.get_current_head()
    try:
        with database.engine(address()).connect() as connection:
            found = schema.read_revision(connection, schema.USERS)
    except OperationalError as error:
        return f"the database of users: {database.cause(error)}"
    if found == wanted:
        return None
    schema.refuse_unknown(found, scripts)
    return f"the migration Job to bring the database of users from schema {found or 'none'} to {wanted}"
