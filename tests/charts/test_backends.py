"""Every database and store that the stack can use: what is rendered for it, and what is refused."""

import json

import pytest
from support.charts.rendering import (
    ChartError,
    containers,
    documents,
    environment,
    one,
    pod_specs,
    pod_templates,
    render,
)

SERVER = ("--set", "database.host=db", "--set", "database.existingSecret=login")
POSTGRESQL = ("--set", "database.kind=postgresql", *SERVER)
MYSQL = ("--set", "database.kind=mysql", *SERVER)
SQLITE = ("--set", "database.kind=sqlite")
VOLUME = ("--set", "store.kind=volume")
S3_BEHIND_A_CA = ("--set-json", 'store={"kind": "s3", "endpoint": "https://s3.example", "caSecret": "ca"}')
VIRTUAL = ("--set", "store.addressingStyle=virtual")
AZURE = ("--set", "store.kind=azure", "--set", "store.azure.account=models")


def rendered(*arguments: str):
    return documents(render("mlflow-stack", "mlflow", *arguments))


def names(objects, kind: str) -> set[str]:
    return {obj["metadata"]["name"] for obj in objects if obj["kind"] == kind}


def server(*arguments: str):
    return one(rendered(*arguments), "Deployment", "mlflow")["spec"]


def variables(*arguments: str):
    [container] = server(*arguments)["template"]["spec"]["containers"]
    return environment(container)


def uri(*arguments: str) -> str:
    return variables(*arguments)["MLFLOW_BACKEND_STORE_URI"]["value"]


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ((), "postgresql+psycopg2://mlflow@mlflow-postgresql:5432/mlflow"),
        (POSTGRESQL, "postgresql+psycopg2://mlflow@db:5432/mlflow"),
        ((*POSTGRESQL, "--set", "database.port=6432"), "postgresql+psycopg2://mlflow@db:6432/mlflow"),
        (
            (*POSTGRESQL, "--set", "database.username=me@server"),
            "postgresql+psycopg2://me%40server@db:5432/mlflow",
        ),
        (
            (*POSTGRESQL, "--set", "database.tls.mode=require"),
            "postgresql+psycopg2://mlflow@db:5432/mlflow?sslmode=require",
        ),
        (
            (*POSTGRESQL, "--set", "database.tls.mode=verify-full"),
            "postgresql+psycopg2://mlflow@db:5432/mlflow?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt",
        ),
        (
            (*POSTGRESQL, "--set", "database.tls.mode=verify-ca", "--set", "database.tls.caSecret=ca"),
            "postgresql+psycopg2://mlflow@db:5432/mlflow?sslmode=verify-ca&sslrootcert=/run/secrets/database-ca/ca.crt",
        ),
        (MYSQL, "mysql+pymysql://mlflow@db:3306/mlflow?charset=utf8mb4"),
        (
            (*MYSQL, "--set", "database.tls.mode=require"),
            "mysql+pymysql://mlflow@db:3306/mlflow?charset=utf8mb4&ssl_check_hostname=false",
        ),
        (
            (*MYSQL, "--set", "database.tls.mode=verify-full", "--set", "database.tls.caSecret=ca"),
            "mysql+pymysql://mlflow@db:3306/mlflow?charset=utf8mb4&ssl_ca=/run/secrets/database-ca/ca.crt",
        ),
        (SQLITE, "sqlite:////database/mlflow.db"),
    ],
)
def test_each_database_has_its_address_without_a_password(arguments: tuple[str, ...], address: str):
    assert uri(*arguments) == address


@pytest.mark.parametrize(("arguments", "variable"), [(POSTGRESQL, "PGPASSWORD"), (MYSQL, "MYSQL_PWD")])
def test_the_password_comes_from_the_users_secret(arguments: tuple[str, ...], variable: str):
    found = variables(*arguments)[variable]["valueFrom"]["secretKeyRef"]
    assert found == {"name": "login", "key": "password"}


@pytest.mark.parametrize("arguments", [POSTGRESQL, MYSQL, SQLITE])
def test_the_bundled_postgresql_is_off_when_another_database_is_chosen(arguments: tuple[str, ...]):
    objects = rendered(*arguments)
    assert names(objects, "StatefulSet") == {"mlflow-versitygw"}
    assert "mlflow-postgresql" not in names(objects, "Secret") | names(objects, "Service")


def test_sqlite_is_migrated_by_its_only_server_before_it_starts():
    objects = rendered(*SQLITE)
    spec = one(objects, "Deployment", "mlflow")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}
    assert [container["name"] for container in spec["template"]["spec"]["initContainers"]] == [
        "prepare-dump",
        "migrate",
        "await-stores",
    ]
    assert names(objects, "Job") == set()
    assert names(objects, "PersistentVolumeClaim") == {"mlflow-database"}


@pytest.mark.parametrize(
    ("arguments", "destination"),
    [
        ((), "s3://mlflow/artifacts"),
        (("--set", "store.kind=s3"), "s3://mlflow/artifacts"),
        (AZURE, "wasbs://mlflow@models.blob.core.windows.net/artifacts"),
        (("--set", "store.kind=gcs"), "gs://mlflow/artifacts"),
        (VOLUME, "/artifacts/artifacts"),
    ],
)
def test_each_store_has_its_destination(arguments: tuple[str, ...], destination: str):
    assert variables(*arguments)["MLFLOW_ARTIFACTS_DESTINATION"]["value"] == destination


@pytest.mark.parametrize("kind", ["s3", "azure", "gcs", "volume"])
def test_the_bundled_store_is_off_when_another_one_is_chosen(kind: str):
    account = AZURE[2:] if kind == "azure" else ()
    objects = rendered("--set", f"store.kind={kind}", *account)
    assert names(objects, "StatefulSet") == {"mlflow-postgresql"}
    assert "mlflow-versitygw" not in names(objects, "Secret") | names(objects, "Service")


IDENTITIES = [
    (("--set", "store.kind=s3"), "eks.amazonaws.com/role-arn"),
    (AZURE, "azure.workload.identity/client-id"),
    (("--set", "store.kind=gcs"), "iam.gke.io/gcp-service-account"),
]


@pytest.mark.parametrize(("arguments", "annotation"), IDENTITIES)
def test_without_a_secret_every_pod_that_uses_the_store_uses_the_cloud_identity(
    arguments: tuple[str, ...], annotation: str
):
    identity = {"serviceAccount": {"annotations": {annotation: "models"}}}
    values = (
        *arguments,
        "--set",
        "garbageCollection.enabled=true",
        "--set-json",
        f"store={json.dumps(identity)}",
    )
    objects = rendered(*values)
    assert one(objects, "ServiceAccount", "mlflow")["metadata"]["annotations"] == {annotation: "models"}
    restoring = rendered(*values, "--set", "restore.from=latest")
    pods = pod_templates(objects) | pod_templates(restoring)
    users = {name: pod for name, pod in pods.items() if uses_store(pod["spec"])}
    assert len(users) == 5, "server, migration, backup, restore, garbage collection"
    for name, pod in users.items():
        assert pod["spec"]["serviceAccountName"] == "mlflow", name
        assert ("azure.workload.identity/use" in pod["metadata"]["labels"]) == (arguments == AZURE), name
        for container in containers(pod["spec"]):
            assert not store_credentials(container), name


def uses_store(spec) -> bool:
    return any("MLFLOW_ARTIFACTS_DESTINATION" in environment(container) for container in containers(spec))


def store_credentials(container) -> set[str]:
    """Variables that clients of clouds take for credentials before they look for an identity."""
    prefixes = ("AWS_ACCESS", "AWS_SECRET", "AZURE_STORAGE", "GOOGLE_APPLICATION")
    return {name for name in environment(container) if name.startswith(prefixes)}


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ((), True),
        (("--set", "store.kind=s3", "--set", "store.existingSecret=keys"), True),
        ((*S3_BEHIND_A_CA, "--set", "store.existingSecret=keys"), True),
        ((*S3_BEHIND_A_CA, *VIRTUAL, "--set", "store.existingSecret=keys"), False),
        (("--set", "store.kind=s3"), False),
        (AZURE, False),
        (VOLUME, False),
    ],
)
def test_the_connection_names_a_store_that_davit_can_reach(own: tuple[str, ...], told: bool):
    connection = one(rendered(*own), "Secret", "mlflow-davit-connection")["stringData"]
    assert ("DAVIT_ARTIFACTS_DESTINATION" in connection) is told


@pytest.mark.parametrize("arguments", [SQLITE, VOLUME])
def test_two_servers_on_one_volume_are_refused_by_the_schema(arguments: tuple[str, ...]):
    with pytest.raises(ChartError, match=r"schema(.|\n)*server/replicas"):
        rendered(*arguments, "--set", "server.replicas=2")


def test_two_servers_share_a_volume_that_several_nodes_mount():
    spec = server(
        *VOLUME, "--set", "server.replicas=2", "--set", "store.persistence.accessMode=ReadWriteMany"
    )
    assert "rollingUpdate" in spec["strategy"]


@pytest.mark.parametrize(
    ("values", "first", "second"),
    [
        (("database.host=db",), "database.host", "database.kind=bundled"),
        (("database.tls.mode=require",), "database.tls.mode", "database.kind=bundled"),
        (("database.kind=sqlite", "database.existingSecret=x"), "database.existingSecret", "sqlite"),
        (("database.kind=mysql",), "database.kind is mysql", "database.host"),
        (
            ("database.kind=postgresql", "database.host=db"),
            "database.kind is postgresql",
            "database.existingSecret",
        ),
        (
            (
                "database.kind=mysql",
                "database.host=db",
                "database.existingSecret=x",
                "database.tls.caSecret=ca",
            ),
            "database.tls.caSecret",
            "database.tls.mode",
        ),
        (("database.persistence.existingClaim=x",), "persistence.existingClaim", "database.kind=bundled"),
        (("store.endpoint=http://s3",), "store.endpoint", "store.kind=bundled"),
        (("store.caSecret=ca",), "store.caSecret", "store.kind=bundled"),
        (("store.kind=azure",), "store.kind is azure", "store.azure.account"),
        (("store.kind=volume", "store.existingSecret=x"), "store.existingSecret", "store.kind=volume"),
        (("store.azure.account=models",), "store.azure.account", "store.kind=bundled"),
        (
            ("store.kind=gcs", "store.endpoint=http://gcs", "store.existingSecret=x"),
            "store.endpoint",
            "store.existingSecret",
        ),
        (
            ("store.serviceAccount.name=mine", "store.serviceAccount.annotations.role=x"),
            "serviceAccount.name",
            "serviceAccount.annotations",
        ),
    ],
)
def test_the_message_names_both_contradicting_values(values: tuple[str, ...], first: str, second: str):
    with pytest.raises(ChartError) as refusal:
        rendered(*(word for value in values for word in ("--set", value)))
    assert first in str(refusal.value)
    assert second in str(refusal.value)


@pytest.mark.parametrize(
    "value",
    ["database.kind=oracle", "database.host=db:5432", "store.kind=minio", "store.endpoint=s3.example.com"],
)
def test_an_invalid_backend_is_rejected_by_name(value: str):
    with pytest.raises(ChartError, match=value.split("=", 1)[0].replace(".", "/")):
        rendered("--set", value)


def test_every_container_that_checks_a_certificate_mounts_the_ca_certificates():
    objects = rendered(
        *POSTGRESQL, "--set", "database.tls.mode=verify-full", "--set", "database.tls.caSecret=ca"
    )
    for name, spec in pod_specs(objects).items():
        for container in containers(spec):
            if "sslrootcert" in environment(container).get("MLFLOW_BACKEND_STORE_URI", {}).get("value", ""):
                assert "database-ca" in {mount["name"] for mount in container["volumeMounts"]}, name
