"""Connects to MLflow's database, as the environment names it: PostgreSQL, MySQL, MariaDB or SQLite.

MLFLOW_BACKEND_STORE_URI is the address without the password. The password, with any characters, is in the
variable that the database's own programs read: PGPASSWORD or MYSQL_PWD.
"""

import logging
import os
import sys
import time

import sqlalchemy
from sqlalchemy.exc import DBAPIError, OperationalError

CONNECT_SECONDS = 10
PATIENCE_SECONDS = 300

_ENCODING = {
    "postgresql": ("SHOW server_encoding", "UTF8"),
    "mysql": ("SELECT @@character_set_database", "utf8mb4"),
}
_PERMANENT = (
    *("authentication failed", "Access denied", "pg_hba.conf", "certificate"),
    *("does not exist", "Unknown database"),
)

logger = logging.getLogger("database")


def address() -> sqlalchemy.URL:
    """Return the database URL, with the password where the driver does not read it from the environment."""
    url = sqlalchemy.make_url(os.environ["MLFLOW_BACKEND_STORE_URI"])
    password = os.environ.get("MYSQL_PWD")
    if url.get_backend_name() != "mysql" or password is None:
        return url
    # PyMySQL turns text into bytes as Latin-1, and MySQL's own programs as UTF-8. This Latin-1 text has the
    # bytes of that UTF-8.
    return url.set(password=password.encode().decode("latin-1"))


def engine(url: sqlalchemy.URL | None = None) -> sqlalchemy.Engine:
    """Create an engine that keeps no connection open and times out soon on a host that does not answer.

    Args:
        url: Another database on the same server.
    """
    url = url or address()
    limit = {"timeout" if url.get_backend_name() == "sqlite" else "connect_timeout": CONNECT_SECONDS}
    return sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=limit)


def connect(autocommit: bool = False) -> sqlalchemy.Connection:  # noqa: FBT001, FBT002 - named by every caller
    """Open a connection; wait for a database that is still starting.

    Raises:
        SystemExit: It denies access, or does not answer for minutes; the message says what to check.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    logged = None
    while True:
        try:
            connection = engine().connect().execution_options(**options)
        except OperationalError as error:
            if is_permanent(error) or time.monotonic() > deadline:
                sys.exit(f"The database cannot be used: {cause(error)}")
            if cause(error) != logged:
                logged = cause(error)
                logger.info("Waiting for the database: %s", logged)
            time.sleep(1)
        else:
            require_unicode(connection)
            return connection


def require_unicode(connection: sqlalchemy.Connection) -> None:
    """Require UTF-8: MLflow's names and tags are in any language, and other encodings fail late.

    Raises:
        SystemExit: The database has another encoding.
    """
    statement, wanted = _ENCODING.get(connection.dialect.name, ("", ""))
    found = connection.execute(sqlalchemy.text(statement)).scalar() if statement else ""
    connection.rollback()
    if found != wanted:
        sys.exit(
            f"The database has the encoding {found}: create one with {wanted}, and set database.name to it"
        )


def cause(error: DBAPIError) -> str:
    """Return the driver's message in one line, with a cure where the message has none."""
    message = " ".join(str(error.orig).split())
    if "authentication failed" in message or "Access denied" in message:
        return f"{message} - is the password in the Secret the one that this user has in the database?"
    return message


def is_permanent(error: DBAPIError) -> bool:
    """Return whether a retry is useless until the configuration changes."""
    return any(sign in str(error.orig) for sign in _PERMANENT)
