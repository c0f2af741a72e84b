"""Starts a server only when its stores are ready: the store can be read, the schema is the server's own.

A server that starts earlier would migrate the database itself, in a race with other servers and the migration
Job. With --make-bucket a missing bucket is created, which repairs an emptied volume at the next start.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable

import artifact_store
import database
import schema
import users
from alembic.script import ScriptDirectory
from sqlalchemy.exc import OperationalError

PATIENCE_SECONDS = 600

logger = logging.getLogger("await_stores")


def await_schema(scripts: ScriptDirectory) -> str | None:
    """Compare the database's revision with this MLflow's; return what is missing."""
    wanted = scripts.get_current_head()
    try:
        with database.engine().connect() as connection:
            found = schema.read_revision(connection)
    except OperationalError as error:
        return f"the database: {database.cause(error)}"
    if found == wanted:
        return None
    if found is None:
        return "the migration Job to fill the database"
    schema.reject_unknown(found, scripts)
    return f"the migration Job to bring the database from schema {found} to {wanted}"


def await_condition(check: Callable[[], str | None]) -> None:
    """Repeat a check until nothing is missing; log each reason once."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    logged = None
    while (missing := check()) is not None:
        if missing != logged:
            logger.info("Waiting for %s", missing)
            logged = missing
        if time.monotonic() > deadline:
            sys.exit(f"Still waiting after {PATIENCE_SECONDS} s for {missing}: see its log for the cause")
        time.sleep(1)


def main() -> None:
    """Wait for the store, then for the database."""
    logging.basicConfig(format="%(message)s")
    for logging_module in (logger, artifact_store.logger):
        logging_module.setLevel(logging.INFO)
    # Signals have no default action for process 1: without a handler a deleted pod stays for 30 s.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped by SIGTERM"))
    destination = os.environ["MLFLOW_ARTIFACTS_DESTINATION"]
    make_bucket = "--make-bucket" in sys.argv[1:]
    await_condition(lambda: artifact_store.check_store(destination, make_bucket=make_bucket))
    scripts = schema.migrations()
    await_condition(lambda: await_schema(scripts))
    if users.enabled():
        await_condition(users.missing_schema)
    logger.info("The store is reachable and the schema is current")


if __name__ == "__main__":
    main()
