"""MLflow's database, as the environment names it: PostgreSQL, MySQL, MariaDB or SQLite.

MLFLOW_BACKEND_STORE_URI is the address without the password. That one stands, with any characters, in the
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
_REFUSALS = (
    *("authentication failed", "Access denied", "pg_hba.conf", "certificate"),
    *("does not exist", "Unknown database"),
)

logger = logging.getLogger("database")


def address() -> sqlalchemy.URL:
    """The address, with the password where the driver finds it nowhere else."""
    url = sqlalchemy.make_url(os.environ["MLFLOW_BACKEND_STORE_URI"])
    password = os.environ.get("MYSQL_PWD")
    if url.get_backend_name() != "mysql" or password is None:
        return url
    # PyMySQL turns text into bytes as Latin-1, and MySQL's own programs as UTF-8. This Latin-1 text has the
    # bytes of that UTF-8.
    return url.set(password=password.encode().decode("latin-1"))


def engine(url: sqlalchemy.URL | None = None) -> sqlalchemy.Engine:
    """An engine that keeps no connection open and does not wait long for a host that is silent.

    Args:
        url: Another database on the same server.
    """
    url = url or address()
    limit = {"timeout" if url.get_backend_name() == "sqlite" else "connect_timeout": CONNECT_SECONDS}
    return sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool, connect_args=limit)


def connect(autocommit: bool = False) -> sqlalchemy.Connection:  # noqa: FBT001, FBT002 - named by every caller
    """Open a connection, waiting for a database that is still starting.

    Raises:
        SystemExit: It refuses, or does not answer for minutes; the message says what to look at.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    options = {"isolation_level": "AUTOCOMMIT"} if autocommit else {}
    said = None
    while True:
        try:
            connection = engine().connect().execution_options(**options)
        except OperationalError as error:
            if is_refusal(error) or time.monotonic() > deadline:
                sys.exit(f"The database cannot be used: {cause(error)}")
            if cause(error) != said:
                said = cause(error)
                logger.info("Waiting for the database: %s", said)
            time.sleep(1)
        else:
            require_unicode(connection)
            return connection


def require_unicode(connection: sqlalchemy.Connection) -> None:
    """MLflow's names and tags are in any language, and other encodings fail late and in the middle of things.

    Raises:
        SystemExit: The database has another encoding.
    """
    statement, wanted = _ENCODING.get(connection.dialect.name, ("", ""))
    found = connection.execute(sqlalchemy.text(statement)).scalar() if statement else ""
    connection.rollback()
    if found != wanted:
        sys.exit(
            f"The database has the encoding {found}: make one with {wanted}, and name it in database.name"
        )


def cause(error: DBAPIError) -> str:
    """The driver's own words, in one line, and what to do where they do not say it."""
    words = " ".join(str(error.orig).split())
    if "authentication failed" in words or "Access denied" in words:
        return f"{words} - is the password in the Secret the one that this user has in the database?"
    return words


def is_refusal(error: DBAPIError) -> bool:
    """Whether trying again is of no use until somebody changes something."""
    return any(sign in str(error.orig) for sign in _REFUSALS)
