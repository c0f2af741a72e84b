"""The stack's Jobs: what runs when, with which programs, and what is refused before it could do harm."""

import pytest
from support.charts.rendering import (
    ChartError,
    Document,
    containers,
    documents,
    environment,
    one,
    pod_specs,
    render,
)


def rendered(*values: str) -> list[Document]:
    return documents(
        render("mlflow-stack", "mlflow", *(word for value in values for word in ("--set", value)))
    )


def kinds(objects: list[Document], kind: str) -> list[str]:
    return [obj["metadata"]["name"] for obj in objects if obj["kind"] == kind]


def job_pod(objects: list[Document], beginning: str) -> Document:
    [found] = [spec for name, spec in pod_specs(objects).items() if name.startswith(beginning)]
    return found


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("backup.schedule=tomorrow", "schedule"),
        ("backup.keep=0", "keep"),
        ("backup.prefix=/backups", "prefix"),
        ("backup.image.repository=docker.io/library/postgres", "tag"),
        ("backup.image.tag=16", "tag"),
        ("restore.from=yesterday", "restore/from"),
        ("garbageCollection.olderThan=month", "olderThan"),
        ("garbageCollection.olderThan=", "olderThan"),
        ("migration.enabled=false", "enabled"),
        ("server.podDisruptionBudget.maxUnavailable=0", "maxUnavailable"),
        ("server.podDisruptionBudget.maxUnavailable=0%", "maxUnavailable"),
        ("server.spreadOver[0]=no label", "spreadOver"),
        ("server.terminationGracePeriodSeconds=5", "terminationGracePeriodSeconds"),
    ],
)
def test_an_invalid_value_is_rejected_by_name(value: str, complaint: str):
    with pytest.raises(ChartError, match=complaint):
        rendered(value)


@pytest.mark.parametrize("prefix", ["artifacts", "artifacts/backups"])
def test_backups_are_never_in_a_place_that_artifact_readers_can_read(prefix: str):
    with pytest.raises(ChartError, match=r"backup.prefix is .* and store.prefix is"):
        rendered(f"backup.prefix={prefix}")


def test_artifacts_are_never_stored_among_backups():
    with pytest.raises(ChartError, match=r"backup.prefix is .* and store.prefix is"):
        rendered("store.prefix=backups/artifacts")


def test_a_volume_for_backups_is_not_the_artifacts_bucket():
    pod = job_pod(rendered("backup.prefix=artifacts", "backup.existingClaim=mine"), "CronJob mlflow-backup")
    assert environment(pod["containers"][0])["BACKUP_DESTINATION"]["value"] == "file:///backups/artifacts"
    assert {"name": "backups", "persistentVolumeClaim": {"claimName": "mine"}} in pod["volumes"]


def test_overwriting_needs_the_name_of_a_backup():
    with pytest.raises(ChartError, match=r"restore.overwrite is true and restore.from is empty"):
        rendered("restore.overwrite=true")


def test_by_default_there_are_backups_and_no_garbage_collection():
    assert kinds(rendered(), "CronJob") == ["mlflow-backup"]
    assert kinds(rendered("backup.enabled=false", "garbageCollection.enabled=true"), "CronJob") == [
        "mlflow-garbage-collection"
    ]


def test_during_a_restore_nothing_else_uses_the_database():
    objects = rendered("restore.from=latest", "garbageCollection.enabled=true", "server.replicas=3")
    assert one(objects, "Deployment", "mlflow")["spec"]["replicas"] == 0
    assert all(name.startswith("mlflow-restore-") for name in kinds(objects, "Job"))
    assert len(kinds(objects, "Job")) == 1
    assert [obj["spec"]["suspend"] for obj in objects if obj["kind"] == "CronJob"] == [True, True]


def test_a_migration_follows_a_dump_by_the_databases_own_programs():
    pod = job_pod(rendered(), "Job mlflow-migrate-")
    assert [container["name"] for container in containers(pod)] == ["prepare-dump", "dump", "migrate"]
    assert containers(pod)[1]["image"] == "docker.io/library/postgres:15.18"
    assert environment(pod["containers"][0])["MIGRATION_BACKUP"]["value"] == "true"


def test_the_image_with_the_database_programs_can_be_changed():
    values = ("backup.image.repository=docker.io/library/postgres", "backup.image.tag=17.2")
    for beginning in ("Job mlflow-migrate-", "CronJob mlflow-backup"):
        dump = containers(job_pod(rendered(*values), beginning))[1]
        assert dump["image"] == "docker.io/library/postgres:17.2"


def test_a_migration_without_backup_must_be_configured():
    pod = job_pod(rendered("migration.backup=false"), "Job mlflow-migrate-")
    assert [container["name"] for container in containers(pod)] == ["migrate"]
    assert environment(pod["containers"][0])["MIGRATION_BACKUP"]["value"] == "false"


def test_failures_that_need_a_person_are_not_retried():
    objects = [*rendered(), *rendered("restore.from=latest")]
    jobs = [obj["spec"] for obj in objects if obj["kind"] == "Job"]
    assert len(jobs) == 2
    for job in jobs:
        [rule] = job["podFailurePolicy"]["rules"]
        assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [3]}}


def test_the_disruption_budget_selects_only_servers():
    budget = one(rendered(), "PodDisruptionBudget", "mlflow")["spec"]
    server = one(rendered(), "Deployment", "mlflow")["spec"]
    assert budget["selector"] == server["selector"]
    assert kinds(rendered("server.podDisruptionBudget.enabled=false"), "PodDisruptionBudget") == []


def test_servers_prefer_different_nodes_without_waiting_for_one():
    pod = pod_specs(rendered("server.replicas=2"))["Deployment mlflow"]
    assert {one["topologyKey"] for one in pod["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    assert {one["whenUnsatisfiable"] for one in pod["topologySpreadConstraints"]} == {"ScheduleAnyway"}
    assert (
        "topologySpreadConstraints" not in pod_specs(rendered("server.spreadOver=null"))["Deployment mlflow"]
    )


@pytest.mark.parametrize(
    ("values", "destination"),
    [
        ((), "s3://mlflow/backups"),
        (("store.bucket=models", "store.prefix=team/a", "backup.prefix=team/b"), "s3://models/team/b"),
        (
            ("store.kind=azure", "store.azure.account=acme", "store.existingSecret=mine"),
            "wasbs://mlflow@acme.blob.core.windows.net/backups",
        ),
        (("store.kind=gcs",), "gs://mlflow/backups"),
        (("store.kind=volume",), "file:///artifacts/backups"),
        (("backup.existingClaim=mine",), "file:///backups/backups"),
    ],
)
def test_backups_are_stored_beside_the_artifacts_in_every_store(values: tuple[str, ...], destination: str):
    pod = job_pod(rendered(*values), "CronJob mlflow-backup")
    assert environment(pod["containers"][0])["BACKUP_DESTINATION"]["value"] == destination


MYSQL = ("database.kind=mysql", "database.host=db", "database.existingSecret=login")


def test_mysql_is_dumped_by_programs_of_mariadb():
    for beginning in ("Job mlflow-migrate-", "CronJob mlflow-backup"):
        dump = containers(job_pod(rendered(*MYSQL), beginning))[1]
        assert dump["image"] == "docker.io/library/mariadb:11.4"
        assert "MYSQL_PWD" in environment(dump)


def test_sqlite_is_dumped_and_migrated_where_its_volume_is():
    objects = rendered("database.kind=sqlite")
    server = pod_specs(objects)["Deployment mlflow"]
    names = [container["name"] for container in server["initContainers"]]
    assert names == ["prepare-dump", "migrate", "await-stores"]
    assert kinds(objects, "Job") == []
    backup = job_pod(objects, "CronJob mlflow-backup")
    assert [container["name"] for container in containers(backup)] == ["prepare-dump", "save"]
    assert "podAffinity" in backup["affinity"]
    mounted = {mount["name"] for container in server["initContainers"] for mount in container["volumeMounts"]}
    assert mounted <= {volume["name"] for volume in server["volumes"]}
