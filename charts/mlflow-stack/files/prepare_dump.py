"""Decides whether the database must be dumped, and says to dump_database.sh where it is.

    prepare_dump.py always|before-migration

What it knows goes into files of /work/dump; without the file `program` nothing is dumped. Passwords stay in
the environment, where the database's own programs read them.
"""

import json
import logging
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import database
import schema
import sqlalchemy
import verdict

FOLDER = Path("/work/dump")

logger = logging.getLogger("backups")


def is_needed(connection: sqlalchemy.Connection, *, always: bool) -> bool:
    """Decide, and note what there is to lose."""
    scripts = schema.migrations()
    found = schema.read_revision(connection)
    rows = schema.count_rows(connection)
    (FOLDER / "state.json").write_text(json.dumps({"revision": found, "rows": rows}))
    if found is None:
        logger.info("MLflow has never used this database: there is nothing to back up")
        return False
    if always:
        return True
    schema.refuse_unknown(found, scripts)
    if found == scripts.get_current_head() or not schema.holds_data(rows):
        logger.info("No backup: the schema is current, or there is nothing in it")
        return False
    logger.info("Schema %s must be migrated; first a backup of %s", found, schema.describe(rows))
    return True


def write_address(url: sqlalchemy.URL) -> None:
    """Say which program dumps, and where it finds the database."""
    if url.get_backend_name() == "postgresql":
        # libpq reads the same address, once the driver's name is out of it.
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        parts = {"address": address, "program": "pg_dump"}
    else:
        options = [f"--host={url.host}", f"--port={url.port}", f"--user={url.username}", *tls_options(url)]
        parts = {"options": "\n".join(options), "database": url.database or "", "program": "mariadb-dump"}
    for name, value in parts.items():
        (FOLDER / name).write_text(value)


def tls_options(url: sqlalchemy.URL) -> list[str]:
    """The driver's TLS parameters for MariaDB's programs, whose defaults change with their version."""
    query = {name: str(value) for name, value in url.query.items() if name.startswith("ssl_")}
    if not query:
        return ["--skip-ssl"]
    checked = "ssl_ca" in query and query.get("ssl_check_hostname") != "false"
    authorities = [f"--ssl-ca={query['ssl_ca']}"] if "ssl_ca" in query else []
    return ["--ssl", *authorities, "--ssl-verify-server-cert" if checked else "--skip-ssl-verify-server-cert"]


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database file as of one moment, while a server uses it."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)


def main() -> None:
    """Look once; the database is waited for."""
    verdict.begin()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with database.connect() as connection:
        needed = is_needed(connection, always=sys.argv[1] == "always")
    url = database.address()
    if needed and url.get_backend_name() == "sqlite":
        copy_sqlite(Path(url.database or ""), FOLDER / "database.dump")
    elif needed:
        write_address(url)


if __name__ == "__main__":
    main()
