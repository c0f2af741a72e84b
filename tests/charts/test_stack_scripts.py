"""The scripts of the stack's Jobs against real files and a real database: SQLite, which needs no server."""

import gzip
import importlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.charts.rendering import CHARTS

FILES = CHARTS / "mlflow-stack" / "files"
KINDS = ("scheduled", "migration")


@pytest.fixture
def artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An artifact store in a folder."""
    folder = tmp_path / "artifacts"
    (folder / "0/models").mkdir(parents=True)
    (folder / "0/models/MLmodel").write_text("flavors: {}")
    (folder / "hello.txt").write_text("hello")
    monkeypatch.setenv("MLFLOW_ARTIFACTS_DESTINATION", folder.as_uri())
    return folder


@pytest.fixture
def backups(tmp_path: Path, artifacts: Path):
    from backups import Backups

    for name in ("backups", "fetched"):
        (tmp_path / name).mkdir()
    return Backups((tmp_path / "backups").as_uri())


ABOUT = {"database": {"revision": "abc"}, "users": {"revision": "def"}}


@pytest.fixture
def dumps(tmp_path: Path) -> Path:
    """A folder with dumps of both databases."""
    folder = tmp_path / "dumps"
    folder.mkdir()
    for part in ABOUT:
        (folder / f"{part}.dump").write_bytes(f"rows of {part}".encode())
    return folder


def save_at(backups, monkeypatch: pytest.MonkeyPatch, dumps: Path, hour: int, kind: str = "scheduled") -> str:
    """Save a backup as if it were so many o'clock."""
    import backups as module

    monkeypatch.setattr(module, "TIME", f"20261121T{hour:02}0000Z")
    return backups.save(dumps, kind, ABOUT)


def test_a_backup_holds_the_dumps_and_a_line_for_each_artifact(backups, dumps: Path, tmp_path: Path):
    name = backups.save(dumps, "scheduled", ABOUT)
    assert re.fullmatch(r"\d{8}T\d{6}Z-scheduled", name)
    manifest = backups.fetch(name, tmp_path / "fetched")
    assert manifest["artifacts"]["files"] == 2
    for part, about in ABOUT.items():
        assert manifest[part]["revision"] == about["revision"]
        assert (tmp_path / "fetched" / name / f"{part}.dump").read_text() == f"rows of {part}"
    with gzip.open(tmp_path / "fetched" / name / "artifacts.jsonl.gz", "rt") as lines:
        listed = {entry["path"]: entry["size"] for entry in map(json.loads, lines)}
    assert listed == {"0/models/MLmodel": 11, "hello.txt": 5}


@pytest.mark.parametrize("part", sorted(ABOUT))
def test_a_damaged_dump_is_not_restored(backups, dumps: Path, tmp_path: Path, part: str):
    name = backups.save(dumps, "scheduled", ABOUT)
    (tmp_path / "backups" / name / f"{part}.dump").write_bytes(b"rots")
    with pytest.raises(ValueError, match=f"{name}/{part}.dump is damaged"):
        backups.fetch(name, tmp_path / "fetched")


def test_a_backup_without_users_by_an_older_version_is_read_and_pruned(
    backups, dumps: Path, tmp_path: Path, monkeypatch
):
    old = backups.save(dumps, "scheduled", {"database": ABOUT["database"]})
    manifest = backups.fetch(old, tmp_path / "fetched")
    assert "users" not in manifest
    assert {path.name for path in (tmp_path / "fetched" / old).iterdir()} == {
        "backup.json",
        "artifacts.jsonl.gz",
        "database.dump",
    }
    new = save_at(backups, monkeypatch, dumps, 23)
    assert backups.prune("scheduled", 1) == [min(old, new)]


def test_an_unfinished_backup_does_not_count(backups, dumps: Path, tmp_path: Path, monkeypatch):
    whole = save_at(backups, monkeypatch, dumps, 1)
    half = save_at(backups, monkeypatch, dumps, 2)
    (tmp_path / "backups" / half / "backup.json").unlink()
    assert backups.names() == [whole]


def test_each_kind_of_backup_keeps_its_newest(backups, dumps: Path, tmp_path: Path, monkeypatch):
    for hour in range(4):
        for kind in KINDS:
            save_at(backups, monkeypatch, dumps, hour, kind)
    assert len(backups.prune("scheduled", 2)) == 2
    assert backups.prune("scheduled", 2) == []
    assert [name for name in backups.names() if name.endswith("scheduled")] == [
        "20261121T020000Z-scheduled",
        "20261121T030000Z-scheduled",
    ]
    assert len([name for name in backups.names() if name.endswith("migration")]) == 4


def test_no_empty_folder_is_deleted_in_a_store_without_folders(backups, dumps, monkeypatch):
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    class LikeAzures(LocalArtifactRepository):
        """Where no file is, there is nothing, and deleting that is an error."""

        def delete_artifacts(self, artifact_path: str | None = None) -> None:
            place = Path(self.artifact_dir, artifact_path or "")
            if not place.is_file() and not any(place.iterdir()):
                raise MlflowException(f"No such file or directory: '{artifact_path}'")
            super().delete_artifacts(artifact_path)

    backups._repository = LikeAzures(backups.destination)
    old, new = (save_at(backups, monkeypatch, dumps, hour) for hour in (1, 2))
    assert backups.prune("scheduled", 1) == [old]
    assert backups.names() == [new]


@pytest.mark.parametrize(
    ("after", "complaint"),
    [
        ({"runs": 2}, "runs: 3 -> 2"),
        ({}, "runs: 3 -> 0"),
        ({"runs": 3}, None),
        ({"runs": 9, "tags": 1}, None),
    ],
)
def test_a_migration_may_add_rows_but_not_lose_any(after: dict, complaint: str | None):
    from migrate_database import RowsMissingError, compare

    if complaint is None:
        compare({"runs": 3}, after)
    else:
        with pytest.raises(RowsMissingError, match=complaint):
            compare({"runs": 3}, after)


@pytest.mark.parametrize(
    ("rows", "holds"),
    [
        ({}, False),
        ({"experiments": 1, "runs": 0}, False),
        ({"experiments": 1, "runs": 1}, True),
        ({"experiments": 2}, True),
        ({"experiments": 1, "registered_models": 1}, True),
    ],
)
def test_default_rows_do_not_count_as_data(rows: dict, holds: bool):
    from schema import holds_data

    assert holds_data(rows) is holds


# Runs scripts one after the other as their pods do, with /work/dump somewhere else.
PROGRAM = """
import importlib, pathlib, sys
files, work, *scripts = sys.argv[1:]
sys.path.insert(0, files)
import dumps
dumps.FOLDER = pathlib.Path(work)
for words in scripts:
    sys.argv = words.split()
    importlib.import_module(sys.argv[0]).main()
"""


def run(*scripts: str, database: Path, work: Path) -> subprocess.CompletedProcess[str]:
    """What the scripts say, until the first that fails."""
    variables = {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{database}"}
    command = [sys.executable, "-c", PROGRAM, str(FILES), str(work), *scripts]
    return subprocess.run(
        command, env={**os.environ, **variables}, capture_output=True, text=True, check=False
    )


def test_a_database_of_a_newer_mlflow_is_rejected_and_unchanged(tmp_path: Path):
    database = tmp_path / "mlflow.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('fromthefuture')")
    ended = run("migrate_database", database=database, work=tmp_path)
    assert ended.returncode == 3, ended.stderr
    assert "has the schema fromthefuture of a newer MLflow" in ended.stderr
    assert "server.image.tag" in ended.stderr


def test_an_empty_database_is_initialized_without_a_backup(tmp_path: Path):
    database, work = tmp_path / "mlflow.db", tmp_path / "dump"
    scripts = ("prepare_dump before-migration", "migrate_database", "migrate_database", "prepare_dump always")
    ended = run(*scripts, database=database, work=work)
    assert ended.returncode == 0, ended.stderr
    said = [line for line in ended.stderr.splitlines() if "back up" in line or "schema" in line]
    assert "nothing to back up" in said[0]
    assert said[1].startswith("The database is filled with the schema ")
    assert said[2].startswith("The schema is current ")
    assert not (work / "database/program").exists(), "SQLite needs none"
    with sqlite3.connect(work / "database.dump") as copy:
        assert copy.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)


class Stack:
    """Two databases of SQLite with a little in them, and the scripts of Jobs in this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, log: pytest.LogCaptureFixture) -> None:
        self.people = folder / "people.db"
        self._folder, self._monkeypatch, self._log = folder, monkeypatch, log
        monkeypatch.setenv("MLFLOW_BACKEND_STORE_URI", f"sqlite:///{folder}/mlflow.db")
        monkeypatch.setenv("BACKUP_DESTINATION", (folder / "backups").as_uri())
        monkeypatch.setenv("RESTORE_FROM", "latest")
        self.have_users()
        tables = "CREATE TABLE experiments (id); INSERT INTO experiments VALUES (0)"
        self._make(folder / "mlflow.db", "alembic_version", tables)
        self._make(
            self.people,
            "alembic_version_auth",
            "CREATE TABLE users (name); INSERT INTO users VALUES ('admin')",
        )

    def have_users(self, *, yes: bool = True) -> None:
        if yes:
            self._monkeypatch.setenv("MLFLOW_AUTH_DATABASE", "people")
        else:
            self._monkeypatch.delenv("MLFLOW_AUTH_DATABASE")

    def _make(self, path: Path, version_table: str, tables: str) -> None:
        with closing(sqlite3.connect(path)) as connection:
            versions = (
                f"CREATE TABLE {version_table} (version_num); INSERT INTO {version_table} VALUES ('abc')"
            )
            connection.executescript(f"{versions}; {tables}")

    def names(self, statement: str = "SELECT 1") -> list[str]:
        """The users, after a statement."""
        with closing(sqlite3.connect(self.people)) as connection, connection:
            connection.execute(statement)
            return [name for (name,) in connection.execute("SELECT name FROM users")]

    def revise(self, own: str | None, users: str) -> None:
        """Let the schemas be of these revisions."""
        for path, table, revision in (
            (self._folder / "mlflow.db", "alembic_version", own),
            (self.people, "alembic_version_auth", users),
        ):
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(f"UPDATE {table} SET version_num = ?", (revision,))

    def run(self, *scripts: str) -> str:
        """What the scripts of one pod say."""
        import dumps

        work = self._folder / f"work-{len(list(self._folder.iterdir()))}"
        self._monkeypatch.setattr(dumps, "FOLDER", work)
        for words in scripts:
            self._monkeypatch.setattr(sys, "argv", words.split())
            importlib.import_module(sys.argv[0]).main()
        return self._log.text


@pytest.fixture
def stack(tmp_path: Path, artifacts: Path, monkeypatch, caplog) -> Iterator[Stack]:
    (tmp_path / "backups").mkdir()
    before = signal.getsignal(signal.SIGTERM)
    yield Stack(tmp_path, monkeypatch, caplog)
    signal.signal(signal.SIGTERM, before)


BACK_UP = ("prepare_dump always", "save_backup")
RESTORE = ("fetch_backup", "finish_restore")


def test_users_are_backed_up_and_restored(stack: Stack):
    stack.run(*BACK_UP)
    stack.names("UPDATE users SET name = 'mallory'")
    assert "1 experiments, 1 users. All 2 artifacts" in stack.run(*RESTORE)
    assert stack.names() == ["admin"]


def test_a_backup_without_users_leaves_them_alone_and_says_so(stack: Stack):
    stack.have_users(yes=False)
    stack.run(*BACK_UP)
    stack.have_users()
    stack.names("INSERT INTO users VALUES ('eve')")
    assert "It contains no users: the existing ones were kept." in stack.run(*RESTORE)
    assert stack.names() == ["admin", "eve"]


def test_a_restore_without_user_management_skips_the_users_of_a_backup(stack: Stack):
    stack.run(*BACK_UP)
    stack.have_users(yes=False)
    stack.names("UPDATE users SET name = 'mallory'")
    assert "Its users were not restored: auth.enabled is false." in stack.run(*RESTORE)
    assert stack.names() == ["mallory"]


def test_existing_users_are_not_overwritten_without_consent(stack: Stack, monkeypatch):
    stack.run(*BACK_UP)
    stack.names("INSERT INTO users VALUES ('eve')")
    with pytest.raises(SystemExit):
        stack.run(*RESTORE)
    assert stack.names() == ["admin", "eve"]
    monkeypatch.setenv("RESTORE_OVERWRITE", "true")
    said = stack.run(*RESTORE)
    assert "The database is not empty: 2 users. Nothing was changed." in said
    assert stack.names() == ["admin"]


OLDEST_USERS = "8606fa83a998"


def test_a_migration_of_the_user_database_follows_a_backup(stack: Stack, monkeypatch):
    import migrate_database
    import schema

    monkeypatch.setenv("MIGRATION_BACKUP", "true")
    head = schema.migrations().get_current_head()
    stack.revise(head, OLDEST_USERS)
    stack.names("INSERT INTO users VALUES ('eve')")
    assert f"Schema {OLDEST_USERS} must be migrated; first a backup of 2 users" in stack.run(
        "prepare_dump before-migration"
    )
    assert migrate_database.keep_backup(head, head).endswith("-migration")
    stack.names("DELETE FROM users")
    stack.run(*RESTORE)
    assert stack.names() == ["admin", "eve"]


def test_no_backup_precedes_a_migration_of_only_the_administrator(stack: Stack):
    import schema

    stack.revise(schema.migrations().get_current_head(), OLDEST_USERS)
    assert "No backup: the schema is current, or the database is empty" in stack.run(
        "prepare_dump before-migration"
    )
