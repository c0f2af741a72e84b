"""The databases of one stack as parts of a backup: MLflow's own and, where MLflow has users, theirs.

Each part has a folder below /work/dump with the input of the shell scripts, and a dump beside it:

    database/state.json  its schema revision and row counts
    database/program     the program that dumps and restores; missing where there is nothing to dump
    database/address     for PostgreSQL's programs; options and database for MariaDB's
    database/schema      PostgreSQL's schema with the tables
    database.dump

Passwords stay in the environment, where the database's own programs read them.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import database
import schema
import sqlalchemy
import users

FOLDER = Path("/work/dump")


@dataclass(frozen=True)
class Part:
    """One database.

    Attributes:
        name: Of its dump, and of its entry in a backup's manifest.
        address: Where it is.
        schema: What MLflow keeps in it.
    """

    name: str
    address: sqlalchemy.URL
    schema: schema.Schema

    @property
    def folder(self) -> Path:
        """What is known about it."""
        return FOLDER / self.name

    @property
    def dump(self) -> Path:
        """What was dumped, or is to be restored."""
        return FOLDER / f"{self.name}.dump"

    def connect(self) -> sqlalchemy.Connection:
        """Open a connection; the server is known to answer."""
        return database.engine(self.address).connect()


def all_parts() -> Iterator[Part]:
    """Return the databases that a backup of this stack must contain."""
    yield Part("database", database.address(), schema.MLFLOW)
    if users.enabled():
        yield Part("users", users.address(), schema.USERS)


def write_address(part: Part) -> None:
    """Write which program dumps or restores a part, and the address of its database."""
    url = part.address
    if url.get_backend_name() == "postgresql":
        # libpq reads the same address, once the driver's name is out of it.
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        facts = {"address": address, "program": "pg_dump"}
    else:
        options = [f"--host={url.host}", f"--port={url.port}", f"--user={url.username}", *tls_options(url)]
        facts = {"options": "\n".join(options), "database": url.database or "", "program": "mariadb-dump"}
    for name, value in facts.items():
        (part.folder / name).write_text(value)


def tls_options(url: sqlalchemy.URL) -> list[str]:
    """Translate the driver's TLS parameters for MariaDB's programs, whose defaults vary by version."""
    query = {name: str(value) for name, value in url.query.items() if name.startswith("ssl_")}
    if not query:
        return ["--skip-ssl"]
    checked = "ssl_ca" in query and query.get("ssl_check_hostname") != "false"
    certificates = [f"--ssl-ca={query['ssl_ca']}"] if "ssl_ca" in query else []
    return [
        "--ssl",
        *certificates,
        "--ssl-verify-server-cert" if checked else "--skip-ssl-verify-server-cert",
    ]


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a consistent snapshot of a database file while a server uses it."""
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)
