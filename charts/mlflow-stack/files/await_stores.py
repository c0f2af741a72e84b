"""Lets a server start only when its stores are ready: the store can be read, the schema is the server's own.

A server that starts earlier would migrate the database itself, in a race with its siblings and the
migration Job. With --make-bucket a missing bucket is made, so an emptied volume heals at the next start.
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
    """Compare the database's revision with this MLflow's; returns what is still missing."""
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
    schema.refuse_unknown(found, scripts)
    return f"the migration Job to bring the database from schema {found} to {wanted}"


def await_condition(check: Callable[[], str | None]) -> None:
    """Repeat a check until nothing is missing, saying once what it waits for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    said = None
    while (missing := check()) is not None:
        if missing != said:
            logger.info("Waiting for %s", missing)
            said = missing
        if time.monotonic() > deadline:
            sys.exit(f"Still waiting after {PATIENCE_SECONDS} s for {missing}; its log tells why")
        time.sleep(1)


def main() -> None:
    """Wait for the store, then for the database."""
    logging.basicConfig(format="%(message)s")
    for talker in (logger, artifact_store.logger):
        talker.setLevel(logging.INFO)
    # Nothing has a default action for process 1, so without this a deleted pod lingers for half a minute.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to stop"))
    destination = os.environ["MLFLOW_ARTIFACTS_DESTINATION"]
    make_bucket = "--make-bucket" in sys.argv[1:]
    await_condition(lambda: artifact_store.check_store(destination, make_bucket=make_bucket))
    scripts = schema.migrations()
    await_condition(lambda: await_schema(scripts))
    if users.are_wanted():
        await_condition(users.what_is_missing)
    logger.info("The store is there and the schema is current")


if __name__ == "__main__":
    main()
