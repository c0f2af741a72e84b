"""Backups are made, kept in number and restored over a database that is gone; garbage is collected, and nothing else.

MLflow asks for users here and speaks TLS, which is the harder way for all of this.
"""

import json

import pytest
from support.cluster.fixtures import fresh_namespace
from support.cluster.live import Place
from support.stack.release import WALLS, StackRelease

from examples.demo.waiting import until

PASSWORD = "a password of eve's"
USERS = "from mlflow.server import get_app_client; users = get_app_client('basic-auth', os.environ['MLFLOW_TRACKING_URI'])"
MAKE_EVE = f"import os; {USERS}; users.create_user('eve', {PASSWORD!r})"
ASK_FOR_EVE = f"import os; {USERS}; print(users.get_user('eve').username)"

WITHOUT = {"restore__from": "", "backup__keep": 2, "garbageCollection__enabled": True}
WITHOUT |= {"garbageCollection__olderThan": "0s"}


@pytest.fixture(scope="module")
def place(kubectl):
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="module")
def stack(helm, place: Place, loaded) -> StackRelease:
    release = StackRelease(helm, place, loaded[1], WALLS)
    release.install(**WITHOUT)
    return release


@pytest.fixture(scope="module")
def history(stack: StackRelease) -> dict:
    """What is in MLflow, and eve, who may use it."""
    stack.client("python", "-c", MAKE_EVE)
    return stack.history("write")


@pytest.fixture(scope="module")
def backup(stack: StackRelease, history: dict) -> str:
    """The name of a backup of that history."""
    return back_up(stack, "first-backup")


def back_up(stack: StackRelease, job: str) -> str:
    ended = stack.run_cron_job("backup", job)
    assert ended["status"].get("succeeded") == 1, stack.words(job)
    # The last word: a pod before it may have failed and been tried again.
    return stack.job_messages(job).splitlines()[-1].removeprefix("Saved the backup ").strip()


def restore(stack: StackRelease, **values) -> str:
    """Set the values that restore, and return how the Job ended, in its own words."""
    stack.install(**{**WITHOUT, **{f"restore__{name}": value for name, value in values.items()}})
    job = stack.jobs("restore")[-1]
    ended = stack.await_job(job)
    return f"{ended['status']['conditions'][-1]['type']}: {stack.job_messages(job)}"


def backups_in_the_store(stack: StackRelease) -> set[str]:
    script = "import sys; sys.path.insert(0, '/scripts'); from backups import Backups; print(Backups('s3://mlflow/backups').names())"
    pod = stack.server_pods()[0]["metadata"]["name"]
    said = stack.place.execute(pod, "python", "-c", script, container="mlflow")
    return set(json.loads(said.strip().splitlines()[-1].replace("'", '"')))


def test_a_harmful_or_empty_restore_is_rejected(stack: StackRelease, backup: str):
    words = restore(stack, **{"from": backup})
    assert words.startswith("Failed: ")
    assert "The database is not empty: 3 experiments, 7 runs" in words
    assert "restore.overwrite=true" in words
    words = restore(stack, **{"from": "20200101T000000Z-scheduled"})
    assert "there is no backup 20200101T000000Z-scheduled" in words
    assert backup in words, "it names those that exist"
    assert stack.sql("SELECT count(*) FROM runs") == "7"


def test_a_forced_restore_replaces_later_data(stack: StackRelease, backup: str, history: dict):
    # In a database as migrations have made it, whose objects are of another order than those that a backup has made.
    stack.sql(
        "DELETE FROM params; UPDATE registered_model_aliases SET version = 1; CREATE TABLE surplus (x int)"
    )
    words = restore(stack, **{"from": backup, "overwrite": True})
    assert words.startswith("Complete"), words
    stack.install(**WITHOUT)
    assert stack.history("read") == history
    assert stack.sql("SELECT to_regclass('surplus')") == "", "what was not in the backup is gone"


def test_a_destroyed_database_is_restored_with_everything_in_it(
    stack: StackRelease, backup: str, history: dict
):
    stack.place.run("scale", "statefulset/mlflow-postgresql", "--replicas=0")
    stack.place.run("delete", "pvc", "data-mlflow-postgresql-0", "--wait=false")
    until(lambda: not pods(stack, "postgresql"), "PostgreSQL to be gone", seconds=120)
    stack.place.run("scale", "statefulset/mlflow-postgresql", "--replicas=1")
    words = restore(stack, **{"from": "latest"})
    assert words.startswith("Complete"), words
    assert f"Restored {backup}: 3 experiments, 7 runs" in words
    assert "2 users. All 6 artifacts" in words
    assert "All 6 artifacts that the backup lists are in the store, unchanged" in words
    assert not pods(stack, "server"), "while a release restores it does not serve"
    stack.install(**WITHOUT)
    assert stack.history("read") == history
    assert whoami(stack) == "eve"


def test_only_the_newest_backups_stay(stack: StackRelease, backup: str):
    names = {back_up(stack, "second-backup"), back_up(stack, "third-backup")}
    assert backups_in_the_store(stack) == names, "backup.keep is 2"


def test_garbage_collection_removes_only_the_deleted_run_and_its_artifacts(
    stack: StackRelease, history: dict
):
    doomed, *others = sorted(run for run, about in history["runs"].items() if about["artifacts"])
    before = stored(stack)
    stack.client("python", "-c", f"import mlflow; mlflow.MlflowClient().delete_run('{doomed}')")
    ended = stack.run_cron_job("garbage-collection", "garbage")
    assert ended["status"].get("succeeded") == 1, stack.words("garbage")
    deleted = {run for run, about in history["runs"].items() if about["status"][1] == "deleted"}
    assert stack.sql("SELECT run_uuid FROM runs ORDER BY 1").split() == sorted(
        history["runs"].keys() - {doomed} - deleted
    )
    assert before - stored(stack) == {path for path in before if doomed in path} != set()
    assert stored(stack) <= before
    assert all(any(run in path for path in stored(stack)) for run in others)


def whoami(stack: StackRelease) -> str:
    """As whom MLflow lets eve in."""
    return stack.client(
        "env",
        "MLFLOW_TRACKING_USERNAME=eve",
        f"MLFLOW_TRACKING_PASSWORD={PASSWORD}",
        "python",
        "-c",
        ASK_FOR_EVE,
    ).strip()


def stored(stack: StackRelease) -> set[str]:
    """Paths of all artifacts, as the store has them."""
    script = "import sys; sys.path.insert(0, '/scripts'); import artifacts; print(*(e['path'] for e in artifacts.list_artifacts()))"
    pod = stack.server_pods()[0]["metadata"]["name"]
    return set(stack.place.execute(pod, "python", "-c", script, container="mlflow").split())


def pods(stack: StackRelease, component: str) -> list:
    return stack.place.get("pods", "--selector", f"app.kubernetes.io/component={component}")["items"]
