"""The scripts of the stack's Jobs against real files and a real database: SQLite, which needs no server."""

import gzip
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.charts import CHARTS

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


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    path = tmp_path / "database.dump"
    path.write_bytes(b"rows")
    return path


def save_at(backups, monkeypatch: pytest.MonkeyPatch, dump: Path, hour: int, kind: str = "scheduled") -> str:
    """Save a backup as if it were so many o'clock."""
    import backups as module

    monkeypatch.setattr(module, "TIME", f"20261121T{hour:02}0000Z")
    return backups.save(dump, kind, {"revision": "abc"})


def test_a_backup_holds_the_dump_and_a_line_for_each_artifact(backups, dump: Path, tmp_path: Path):
    name = backups.save(dump, "scheduled", {"revision": "abc"})
    assert re.fullmatch(r"\d{8}T\d{6}Z-scheduled", name)
    manifest = backups.fetch(name, tmp_path / "fetched")
    assert manifest["database"]["revision"] == "abc"
    assert manifest["artifacts"]["files"] == 2
    assert (tmp_path / "fetched" / name / "database.dump").read_bytes() == b"rows"
    with gzip.open(tmp_path / "fetched" / name / "artifacts.jsonl.gz", "rt") as lines:
        listed = {entry["path"]: entry["size"] for entry in map(json.loads, lines)}
    assert listed == {"0/models/MLmodel": 11, "hello.txt": 5}


def test_a_damaged_dump_is_not_restored(backups, dump: Path, tmp_path: Path):
    name = backups.save(dump, "scheduled", {})
    (tmp_path / "backups" / name / "database.dump").write_bytes(b"rots")
    with pytest.raises(ValueError, match=f"{name}/database.dump is damaged"):
        backups.fetch(name, tmp_path / "fetched")


def test_a_backup_that_was_never_finished_is_none(backups, dump: Path, tmp_path: Path, monkeypatch):
    whole = save_at(backups, monkeypatch, dump, 1)
    half = save_at(backups, monkeypatch, dump, 2)
    (tmp_path / "backups" / half / "backup.json").unlink()
    assert backups.names() == [whole]


def test_each_kind_of_backup_keeps_its_newest(backups, dump: Path, tmp_path: Path, monkeypatch):
    for hour in range(4):
        for kind in KINDS:
            save_at(backups, monkeypatch, dump, hour, kind)
    assert len(backups.prune("scheduled", 2)) == 2
    assert backups.prune("scheduled", 2) == []
    assert [name for name in backups.names() if name.endswith("scheduled")] == [
        "20261121T020000Z-scheduled",
        "20261121T030000Z-scheduled",
    ]
    assert len([name for name in backups.names() if name.endswith("migration")]) == 4


@pytest.mark.parametrize(
    ("after", "complaint"),
    [
        ({"runs": 2}, "runs: 3 -> 2"),
        ({}, "runs: 3 -> 0"),
        ({"runs": 3}, None),
        ({"runs": 9, "tags": 1}, None),
    ],
)
def test_a_migration_may_add_rows_and_never_lose_any(after: dict, complaint: str | None):
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
def test_only_what_somebody_would_miss_counts_as_data(rows: dict, holds: bool):
    from schema import holds_data

    assert holds_data(rows) is holds


# Runs scripts one after the other as their pods do, with /work/dump somewhere else.
PROGRAM = """
import importlib, pathlib, sys
files, work, *scripts = sys.argv[1:]
sys.path.insert(0, files)
import prepare_dump, save_backup
prepare_dump.FOLDER = save_backup.FOLDER = pathlib.Path(work)
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


def test_a_database_of_a_newer_mlflow_is_refused_and_left_alone(tmp_path: Path):
    database = tmp_path / "mlflow.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('fromthefuture')")
    ended = run("migrate_database", database=database, work=tmp_path)
    assert ended.returncode == 3, ended.stderr
    assert "has the schema fromthefuture of a newer MLflow" in ended.stderr
    assert "server.image.tag" in ended.stderr


def test_an_empty_database_is_filled_and_needs_no_backup(tmp_path: Path):
    database, work = tmp_path / "mlflow.db", tmp_path / "dump"
    scripts = ("prepare_dump before-migration", "migrate_database", "migrate_database", "prepare_dump always")
    ended = run(*scripts, database=database, work=work)
    assert ended.returncode == 0, ended.stderr
    said = [line for line in ended.stderr.splitlines() if "back up" in line or "schema" in line]
    assert "nothing to back up" in said[0]
    assert said[1].startswith("The database is filled with the schema ")
    assert said[2].startswith("The schema is current ")
    assert not (work / "program").exists(), "SQLite needs none"
    with sqlite3.connect(work / "database.dump") as copy:
        assert copy.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
