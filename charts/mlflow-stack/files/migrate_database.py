"""Brings MLflow's database to the schema of the MLflow in this image; an empty one is filled.

Two at a time would break each other, so the second waits for the first and then finds nothing to do.
"""

import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import database
import sqlalchemy
from mlflow.db import commands

LOCK_NUMBER = 0x6D6C666C6F77  # any number that only migrations of MLflow use: "mlflow"
LOCK_SECONDS = 86400

_LOCKS = {
    "postgresql": f"SELECT pg_advisory_lock({LOCK_NUMBER})",
    "mysql": f"SELECT GET_LOCK('mlflow-migration', {LOCK_SECONDS})",
}

logger = logging.getLogger("migrate_database")


@contextmanager
def exclusively() -> Iterator[None]:
    """Hold the lock; it goes with its connection. SQLite has one server, which does its own migrations."""
    with database.connect(autocommit=True) as connection:
        if statement := _LOCKS.get(connection.dialect.name):
            connection.execute(sqlalchemy.text(statement))
        yield


def main() -> None:
    """Migrate while holding the lock."""
    logging.basicConfig(format="%(message)s")
    for talker in (logger, database.logger):
        talker.setLevel(logging.INFO)
    # Nothing has a default action for process 1, so without this a deleted pod lingers for half a minute.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to stop"))
    with exclusively():
        address = database.address().render_as_string(hide_password=False)
        commands.main(args=["upgrade", address], standalone_mode=False)
    logger.info("The schema is current")


if __name__ == "__main__":
    main()
