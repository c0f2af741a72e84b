"""From an MLflow 2 to this one: with data, with servers that go on, and with migrations that fail for real."""

import pytest
from support.cluster.fixtures import fresh_namespace
from support.cluster.live import Place
from support.stack.mlflow_2_image import load_old_mlflow
from support.stack.release import StackRelease

from devcluster.images.catalog import IMAGES
from examples.demo.cluster import Cluster

# Runs whenever a migration has made a table: what an error in a migration would do.
THIEF = """
CREATE FUNCTION steal() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM params; END $$;
CREATE EVENT TRIGGER thief ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION steal();
"""


@pytest.fixture(scope="module")
def place(kubectl):
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="module")
def old(cluster: Cluster, loaded) -> str:
    """The tag of the old image."""
    return load_old_mlflow(cluster)


@pytest.fixture(scope="module")
def stack(helm, place: Place, old: str, loaded) -> StackRelease:
    """The old MLflow, two servers of it."""
    release = StackRelease(helm, place, loaded[1])
    # MLflow 2 does not hear that it is to stop: as process 1 it has no handler, and Kubernetes kills it after this time.
    release.install(server__replicas=2, server__image__tag=old, server__terminationGracePeriodSeconds=10)
    return release


@pytest.fixture(scope="module")
def history(stack: StackRelease) -> dict:
    return stack.history("write")


def upgrade_that_fails(stack: StackRelease) -> tuple[dict, str]:
    """Upgrade to this chart's MLflow, and return the migration's Job and what its pod says."""
    stack.install(wait=False, server__replicas=2)
    job = stack.jobs("migration")[-1]
    ended = stack.await_job(job)
    return ended, stack.job_messages(job)


def check_the_old_release_goes_on(stack: StackRelease, old: str, schema: str, history: dict) -> None:
    assert stack.sql("SELECT version_num FROM alembic_version") == schema
    ready = [pod["metadata"]["name"] for pod in stack.server_pods() if is_ready(pod)]
    assert len(ready) == 2
    with stack.mlflow() as mlflow:
        assert mlflow.call("GET", "mlflow/experiments/search?max_results=10")["experiments"]
    assert stack.history("read", ready[0]) == history
    assert version(stack, ready[0]) == old


def is_ready(pod: dict) -> bool:
    return any(one["type"] == "Ready" and one["status"] == "True" for one in pod["status"]["conditions"])


def version(stack: StackRelease, pod: str) -> str:
    return stack.place.execute(pod, "mlflow", "--version", container="mlflow").split()[-1]


def test_a_failed_migration_loses_nothing_and_the_old_servers_keep_running(
    stack: StackRelease, old: str, history: dict
):
    schema = stack.sql("SELECT version_num FROM alembic_version")
    stack.sql("CREATE TABLE webhooks (somebody_elses text)")
    job, words = upgrade_that_fails(stack)
    assert 'relation "webhooks" already exists' in words
    assert f"the schema is still {schema} and no data is lost" in words
    assert "helm upgrade" in words
    failure = next(one for one in job["status"]["conditions"] if one["type"] == "Failed")
    assert failure["reason"] == "PodFailurePolicy", "what cannot succeed is not tried again"
    check_the_old_release_goes_on(stack, old, schema, history)
    stack.sql("DROP TABLE webhooks")


def test_a_migration_that_loses_rows_is_rolled_back(stack: StackRelease, old: str, history: dict):
    schema = stack.sql("SELECT version_num FROM alembic_version")
    stack.sql(THIEF)
    _job, words = upgrade_that_fails(stack)
    assert "rows were lost (params: 12 -> 0)" in words
    check_the_old_release_goes_on(stack, old, schema, history)
    stack.sql("DROP EVENT TRIGGER thief; DROP FUNCTION steal")


def test_an_upgrade_keeps_every_run_metric_version_alias_and_tag(stack: StackRelease, history: dict):
    stack.install(server__replicas=2)
    pod = stack.server_pods()[0]["metadata"]["name"]
    assert version(stack, pod) == IMAGES["mlflow"].version
    words = stack.job_messages(stack.jobs("migration")[-1])
    assert words.startswith("Migrated from schema ")
    assert "the backup " in words
    assert stack.history("read") == history


def test_a_release_that_is_current_has_nothing_to_migrate(stack: StackRelease):
    stack.install(server__replicas=1)
    job = stack.jobs("migration")[-1]
    stack.await_job(job)
    assert stack.job_messages(job).startswith("The schema is current")


def test_an_older_mlflow_rejects_the_newer_schema_and_the_new_servers_keep_running(
    stack: StackRelease, old: str, history: dict
):
    stack.install(wait=False, server__replicas=1, server__image__tag=old)
    job = stack.jobs("migration")[-1]
    stack.await_job(job)
    assert "of a newer MLflow" in stack.job_messages(job)
    assert "restore.from" in stack.job_messages(job)
    [going] = [pod["metadata"]["name"] for pod in stack.server_pods() if is_ready(pod)]
    assert stack.history("read", going) == history
