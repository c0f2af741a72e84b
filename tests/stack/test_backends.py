"""MLflow on every database and every store that the chart can use, and models served from each of the stores.

Databases and stores are joined in pairs, so that fewer releases are needed: neither knows of the other. All files pass
through the tracking server or its presigned URLs: neither the client nor a serving pod knows a key of a store.
"""

import json
import re
from collections.abc import Iterator

import pytest
from support.cluster.live import Place
from support.stack import external_backends
from support.stack.backing_servers import give_certificates
from support.stack.external_backends import PASSWORD, S3_KEYS
from support.stack.mlflow_2_image import load_old_mlflow
from support.stack.release import StackRelease

from examples.demo.cluster import Cluster
from examples.demo.stage import SERVER_IMAGE

MARK = "密码"  # of the password; no encoding of it occurs by chance

# A mistake of a user.
WRECK = """
import sys
sys.path.insert(0, "/scripts")
import database, sqlalchemy
with database.engine().begin() as connection:
    for statement in ("DELETE FROM params", "DELETE FROM registered_model_aliases", "CREATE TABLE surplus (x int)"):
        connection.execute(sqlalchemy.text(statement))
"""

USED = {
    "note": True,
    "param": True,
    "history": [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5],
    "description": True,
    "aliases": {"champion": "2"},
    "tags": {"1": False, "2": True},
    "stages": {"1": "Archived", "2": "Production"},
}
BACKUPS = "file:///artifacts/backups"  # on the volume
FILES = [["a.txt", 5], ["deep/er/b.bin", 256 * 40960], ["deep/ä ☃.txt", 5], ["empty", 0]]


@pytest.fixture
def stack(place: Place, helm, loaded, definition) -> Iterator[StackRelease]:
    made = StackRelease(helm, place, loaded[1])
    yield made
    made.uninstall_operator()


def check_use(stack: StackRelease) -> str:
    """MLflow's client finds again what it has written. Returns a name by which it does so later."""
    found = stack.use("database", "artifacts", "model=first-column")
    name = found["database"].pop("name")
    assert found["database"] == USED
    artifacts = found["artifacts"]
    assert artifacts["uri"].startswith("mlflow-artifacts:/")
    assert artifacts["listed"] == FILES
    assert artifacts["same"]
    assert artifacts["left"] == [entry for entry in FILES if not entry[0].startswith("deep/")]
    return str(name)


def check_served(stack: StackRelease, **model: object) -> None:
    assert stack.serve("first-column", **model) == [4.0, 2.0]
    [pod] = stack.place.pods("first-column")
    assert pod["spec"]["containers"][0]["image"] == SERVER_IMAGE
    assert "store-keys" not in str(pod["spec"])


def check_hidden(stack: StackRelease) -> None:
    """Password and keys are in Secrets and nowhere else that can be read."""
    kinds = "pods,configmaps,deployments,statefulsets,jobs,cronjobs,services,modeldeployments"
    seen = stack.place.run("get", kinds, "-o", "json") + stack.helm.values("mlflow", stack.place.namespace)
    seen += stack.place.run("logs", "deployment/mlflow", "--all-containers")
    escaped = [json.dumps(MARK).strip('"'), "%E5%AF%86", MARK.encode().decode("latin-1")]
    assert MARK in PASSWORD
    assert not [form for form in (MARK, *escaped, *S3_KEYS.values()) if form in seen]


def check_kept(stack: StackRelease, where: str, *jobs: str) -> None:
    """Of the regular backups only the newest stays."""
    for job in jobs:
        ended = stack.run_cron_job("backup", job)
        assert ended["status"].get("succeeded") == 1, stack.words(job)
    [kept] = [one for one in backups(stack, where) if one.endswith("-scheduled")]
    assert kept in stack.job_messages(jobs[-1])


def check_restored(stack: StackRelease, name: str, values: dict) -> None:
    """The newest backup replaces what came after it."""
    pod = stack.server_pods()[0]["metadata"]["name"]
    stack.place.execute(pod, "python", "-c", WRECK, container="mlflow")
    stack.install(**values, restore={"from": "latest", "overwrite": True})
    job = stack.jobs("restore")[-1]
    assert stack.await_job(job)["status"].get("succeeded") == 1, stack.words(job)
    said = stack.job_messages(job)
    assert re.search(r"All [1-9]\d* artifacts that the backup lists are in the store, unchanged", said), said
    stack.install(**values)
    assert stack.use(f"database={name}")["database"] == {"name": name, **USED}


def backups(stack: StackRelease, where: str) -> list[str]:
    """The names of those that are whole."""
    script = f"import sys; sys.path.insert(0, '/scripts'); from backups import Backups; print(*Backups('{where}').names())"
    pod = stack.server_pods()[0]["metadata"]["name"]
    return stack.place.execute(pod, "python", "-c", script, container="mlflow").split()


def test_the_bundled_postgresql_with_an_external_s3_store(stack: StackRelease):
    stack.install(
        database=external_backends.bundled_postgresql(stack), store=external_backends.own_s3(stack, "http")
    )
    stack.install_operator(wait=False)
    check_use(stack)
    # The operator was not given the store's keys, and goes through MLflow's presigned URLs.
    check_served(stack, registry={"url": f"http://mlflow.{stack.place.namespace}.svc:5000"})
    check_hidden(stack)


def test_a_postgresql_and_an_s3_store_with_a_private_ca(stack: StackRelease):
    give_certificates(stack.place, "other-postgresql", "other-s3")
    stack.install(
        database=external_backends.own_postgresql(stack), store=external_backends.own_s3(stack, "https")
    )
    stack.install_operator(wait=False, store__secretName="store-keys", caSecretName="private-ca")
    check_use(stack)
    check_served(stack)
    check_hidden(stack)


def test_an_encrypted_mariadb_and_azure_blob_storage_with_their_backups(
    stack: StackRelease, cluster: Cluster
):
    give_certificates(stack.place, "other-mariadb")
    database, image = external_backends.own_mariadb(stack, cluster)
    store = external_backends.own_azure(stack, cluster)
    values = {"database": database, "store": store, "backup": {"keep": 1, "image": image}}
    stack.install(**values)
    stack.install_operator(wait=False)
    name = check_use(stack)
    check_served(stack)
    check_hidden(stack)
    check_kept(stack, "wasbs://mlflow@models.blob.core.windows.net/backups", "first", "second")
    check_restored(stack, name, values)


def test_sqlite_and_a_volume_from_an_older_mlflow_on_with_their_backups(
    stack: StackRelease, cluster: Cluster
):
    values = {"database": {"kind": "sqlite"}, "store": {"kind": "volume"}, "backup": {"keep": 1}}
    # MLflow 2 does not hear that it should stop, and goes when it is killed.
    old = {"server__image__tag": load_old_mlflow(cluster), "server__terminationGracePeriodSeconds": 10}
    stack.install(**values, **old)
    history = stack.history("write")
    stack.install(**values)
    assert stack.history("read") == history
    assert [one.endswith("-migration") for one in backups(stack, BACKUPS)] == [True]
    stack.install_operator(wait=False)
    name = check_use(stack)
    check_served(stack)
    check_kept(stack, BACKUPS, "first", "second")
    check_restored(stack, name, values)
    assert stack.history("read") == history


def test_google_cloud_storage(stack: StackRelease, cluster: Cluster):
    store = external_backends.own_google(stack, cluster)
    values = {"database": {"kind": "sqlite"}, "store": store, "backup": {"keep": 1}}
    stack.install(**values)
    stack.install_operator(wait=False)
    check_use(stack)
    check_served(stack)
    check_kept(stack, "gs://mlflow/backups", "first")
