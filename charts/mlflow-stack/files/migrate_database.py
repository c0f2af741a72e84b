"""Brings MLflow's database to the schema of the MLflow in this image; an empty one is filled.

Reads MLFLOW_BACKEND_STORE_URI and libpq's PGPASSWORD. Two at a time would break each other, so the second
waits for the first and then finds nothing to do.
"""

import logging
import os
import signal
import sys
import time

import psycopg
from mlflow.db import commands

ADVISORY_LOCK = 0x6D6C666C6F77  # any number that only migrations of MLflow use: "mlflow"
PATIENCE_SECONDS = 300

logger = logging.getLogger("migrate_database")


def connect(address: str) -> psycopg.Connection:
    """Open a connection, waiting for a database that is still starting."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return psycopg.connect(address, autocommit=True, connect_timeout=10)
        except psycopg.OperationalError as error:
            refused = "authentication failed" in str(error)
            if refused or time.monotonic() > deadline:
                cause = (
                    "the password in the Secret is not the one the database was made with"
                    if refused
                    else error
                )
                sys.exit(f"The database cannot be used: {cause}")
            logger.info("Waiting for the database: %s", str(error).strip().splitlines()[0])
            time.sleep(1)


def main() -> None:
    """Migrate while holding the lock."""
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    # Nothing has a default action for process 1, so without this a deleted pod lingers for half a minute.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to stop"))
    uri = os.environ["MLFLOW_BACKEND_STORE_URI"]
    with connect(uri.replace("postgresql+psycopg://", "postgresql://", 1)) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        commands.main(args=["upgrade", uri], standalone_mode=False)
    logger.info("The schema is current")


if __name__ == "__main__":
    main()
