"""The stack: what it refuses, whom MLflow answers, and where credentials are and are not."""

import base64
import importlib.util
from pathlib import Path

import pytest
from support.charts.rendering import (
    CHARTS,
    ChartError,
    containers,
    documents,
    environment,
    one,
    pod_specs,
    render,
)

NAMES = ["mlflow", "mlflow.team", "mlflow.team.svc", "mlflow.team.svc.cluster.local"]


@pytest.fixture(scope="module")
def security():
    """MLflow's own check of hosts and origins, without the server around it, which takes seconds to import."""
    specification = importlib.util.find_spec("mlflow")
    path = Path(specification.origin).parent / "server" / "security_utils.py"
    file = importlib.util.spec_from_file_location("mlflow_security_utils", path)
    module = importlib.util.module_from_spec(file)
    file.loader.exec_module(module)
    return module


def rendered(*arguments: str):
    return documents(render("mlflow-stack", "mlflow", *arguments))


def server_variable(name: str, *arguments: str) -> str:
    server = one(rendered(*arguments), "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"][0]
    return environment(server)[name]["value"]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("serverr.replicas=1", "serverr"),
        ("server.replica=1", "replica"),
        ("server.replicas=one", "server/replicas"),
        ("postgresql.image.tag=", "tag"),
        ("server.image.tag=latest", "tag"),
        ("server.allowedHosts[0]=https://mlflow.example.com", "allowedHosts"),
        ("database.username=Robert'); DROP", "username"),
        ("store.bucket=My_Bucket", "bucket"),
        ("store.prefix=/artifacts/", "prefix"),
        ("versitygw.persistence.size=lots", "size"),
        ("postgresql.password=secret", "password"),
    ],
)
def test_an_invalid_value_is_rejected_by_name(value: str, complaint: str):
    with pytest.raises(ChartError, match=complaint):
        rendered("--set", value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("port", ["", ":5000", ":80"])
def test_mlflow_answers_under_every_name_of_its_service(security, name: str, port: str):
    allowed = server_variable("MLFLOW_SERVER_ALLOWED_HOSTS").split(",")
    assert security.is_allowed_host_header(allowed, name + port)


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:61234", "$(POD_IP):5000"])
def test_mlflow_answers_port_forwards_and_prometheus(security, host: str):
    assert security.is_allowed_host_header(server_variable("MLFLOW_SERVER_ALLOWED_HOSTS").split(","), host)


@pytest.mark.parametrize(
    "host", ["evil.example.com", "mlflow.team.evil.example.com", "10.evil.example.com:5000"]
)
def test_mlflow_rejects_unknown_host_names(security, host: str):
    assert not security.is_allowed_host_header(
        server_variable("MLFLOW_SERVER_ALLOWED_HOSTS").split(","), host
    )


def test_configured_hosts_are_added_to_the_default_ones():
    hosts = server_variable(
        "MLFLOW_SERVER_ALLOWED_HOSTS", "--set", "server.allowedHosts[0]=mlflow.example.com"
    )
    assert {"mlflow.example.com", "mlflow.team.svc:*"} <= set(hosts.split(","))


@pytest.mark.parametrize("name", NAMES)
def test_cross_origin_writes_are_allowed_from_every_own_name(security, name: str):
    origins = server_variable("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS").split(",")
    assert not security.should_block_cors_request(f"http://{name}:5000", "POST", origins)
    assert security.should_block_cors_request("http://evil.example.com", "POST", origins)


def test_presigned_urls_use_a_name_that_every_namespace_resolves():
    assert server_variable("MLFLOW_S3_ENDPOINT_URL") == "http://mlflow-versitygw.team.svc.cluster.local:7070"


def generated(objects) -> set[str]:
    values = [value for obj in objects if obj["kind"] == "Secret" for value in obj.get("data", {}).values()]
    return {base64.b64decode(value).decode() for value in values}


def test_credentials_are_only_in_secrets():
    objects = rendered()
    secrets = generated(objects)
    assert len(secrets) == 5
    assert min(len(secret) for secret in secrets) >= 20
    elsewhere = repr([obj for obj in objects if obj["kind"] != "Secret"])
    assert not [secret for secret in secrets if secret in elsewhere]


def test_every_rendering_without_a_cluster_makes_its_own_credentials():
    assert not generated(rendered()) & generated(rendered("--set", "server.replicas=2"))


def test_the_connection_repeats_the_stores_credentials():
    objects = rendered()
    store = one(objects, "Secret", "mlflow-versitygw")["data"]
    connection = one(objects, "Secret", "mlflow-davit-connection")["stringData"]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert connection[name] == base64.b64decode(store[name]).decode()


def test_existing_secrets_replace_the_generated_ones():
    own = "database.existingSecret=mine,store.existingSecret=ours,webhooks.existingSecret=theirs"
    objects = rendered("--set", own)
    assert [obj["metadata"]["name"] for obj in objects if obj["kind"] == "Secret"] == [
        "mlflow-davit-connection"
    ]
    connection = one(objects, "Secret", "mlflow-davit-connection")["stringData"]
    assert not {"AWS_SECRET_ACCESS_KEY", "DAVIT_WEBHOOK_SECRET"} & connection.keys()
    used = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for spec in pod_specs(objects).values()
        for container in containers(spec)
        for variable in container.get("env", [])
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert used == {"mine", "ours", "theirs"}


def test_the_database_password_is_in_no_url_and_no_argument():
    uri = server_variable("MLFLOW_BACKEND_STORE_URI")
    assert uri == "postgresql+psycopg2://mlflow@mlflow-postgresql:5432/mlflow"


@pytest.mark.parametrize(
    ("keep", "volumes", "secrets"), [("true", "Retain", "keep"), ("false", "Delete", "delete")]
)
def test_volumes_and_the_secrets_that_unlock_them_are_kept_or_deleted_together(
    keep: str, volumes: str, secrets: str
):
    objects = rendered("--set", f"keepData={keep}")
    for name in ("mlflow-postgresql", "mlflow-versitygw"):
        policy = one(objects, "StatefulSet", name)["spec"]["persistentVolumeClaimRetentionPolicy"]
        assert policy["whenDeleted"] == volumes
        assert one(objects, "Secret", name)["metadata"]["annotations"] == {"helm.sh/resource-policy": secrets}


def migration(*arguments: str) -> str:
    [job] = [obj for obj in rendered(*arguments) if obj["kind"] == "Job"]
    return str(job["metadata"]["name"])


def test_a_changed_migration_pod_gets_a_new_job_name():
    assert migration() == migration("--set", "server.replicas=3")
    assert migration() != migration("--set", "server.image.tag=3.18.0")


def test_servers_wait_for_the_migrated_schema_before_they_start():
    server = one(rendered(), "Deployment", "mlflow")["spec"]
    assert [container["name"] for container in server["template"]["spec"]["initContainers"]] == [
        "await-stores"
    ]
    assert server["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


def test_an_upgrade_of_the_chart_alone_restarts_nothing():
    for name in ("mlflow-postgresql", "mlflow-versitygw"):
        labels = one(rendered(), "StatefulSet", name)["spec"]["template"]["metadata"]["labels"]
        assert "helm.sh/chart" not in labels
        assert "app.kubernetes.io/version" not in labels


def test_the_local_images_are_values_that_the_chart_takes():
    images = {
        container["image"]
        for spec in pod_specs(
            rendered("--values", str(Path(CHARTS) / "mlflow-stack/values-local-images.yaml"))
        ).values()
        for container in containers(spec)
    }
    assert images == {"davit.dev/mlflow:3.17.2", "davit.dev/postgresql:15", "davit.dev/versitygw:1.7.0"}
