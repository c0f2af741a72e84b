"""How the world reaches the stack, and where its pods run."""

from pathlib import Path

import pytest
from support.charts.rendering import ROOT, containers, documents, environment, one, pod_specs, render

PUBLISHED = ("--values", str(Path(ROOT) / "tests/data/input/charts/mlflow-stack-published.values.yaml"))


@pytest.fixture(scope="module")
def objects():
    return documents(render("mlflow-stack", "mlflow", *PUBLISHED))


def variable(objects, name: str) -> list[str]:
    server = one(objects, "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"][0]
    return environment(server)[name]["value"].split(",")


@pytest.mark.parametrize("host", ["mlflow.example.com", "mlflow.lab.example.com", "models.example.com"])
def test_external_hosts_are_allowed_on_any_port(objects, host: str):
    assert {host, f"{host}:*"} <= {*variable(objects, "MLFLOW_SERVER_ALLOWED_HOSTS")}


def test_hosts_of_a_disabled_ingress_are_not_allowed():
    objects = documents(render("mlflow-stack", "mlflow", *PUBLISHED, "--set", "ingress.enabled=false"))
    allowed = variable(objects, "MLFLOW_SERVER_ALLOWED_HOSTS")
    assert "mlflow.example.com" not in allowed
    assert "models.example.com" in allowed


def test_browsers_of_a_host_with_a_certificate_must_use_https(objects):
    origins = variable(objects, "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")
    assert "https://mlflow.example.com" in origins
    assert "http://mlflow.example.com" not in origins


@pytest.mark.parametrize("host", ["mlflow.lab.example.com", "models.example.com"])
def test_with_tls_terminated_elsewhere_both_schemes_are_allowed_origins(objects, host: str):
    origins = variable(objects, "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")
    assert {f"https://{host}", f"http://{host}"} <= {*origins}


def test_an_autoscaled_server_renders_no_replicas_that_an_upgrade_would_reset(objects):
    assert "replicas" not in one(objects, "Deployment", "mlflow")["spec"]
    target = one(objects, "HorizontalPodAutoscaler", "mlflow")["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "mlflow")


def test_every_container_with_mlflows_image_gets_the_extra_values(objects):
    for name, spec in pod_specs(objects).items():
        for container in containers(spec):
            if "mlflow" in container["image"]:
                assert "HTTPS_PROXY" in environment(container), f"{name} {container['name']}"
                assert container["envFrom"] == [{"configMapRef": {"name": "regional"}}]
                assert "/etc/company" in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_sidecars_start_first_in_every_pod_that_uses_the_database(objects):
    first = {
        name: spec["initContainers"][0]["name"]
        for name, spec in pod_specs(objects).items()
        if "initContainers" in spec
    }
    jobs = ("Job mlflow-migrate", "CronJob mlflow-backup", "CronJob mlflow-garbage-collection")
    assert len(first) == len(("Deployment", *jobs))
    assert {*first.values()} == {"database-proxy"}


def test_pods_of_jobs_opt_out_of_a_service_mesh(objects):
    templates = [
        obj["spec"].get("jobTemplate", obj)["spec"]["template"]["metadata"]
        for obj in objects
        if obj["kind"] in {"Job", "CronJob"}
    ]
    [test] = [obj["metadata"] for obj in objects if obj["kind"] == "Pod"]
    assert len(templates) == 3
    for metadata in (*templates, test):
        assert metadata["annotations"]["sidecar.istio.io/inject"] == "false"
        assert metadata["labels"]["example.com/team"] == "platform"


def test_a_changed_annotation_gets_a_new_job_name(objects):
    def name(*more: str) -> str:
        [job] = [obj for obj in documents(render("mlflow-stack", "mlflow", *more)) if obj["kind"] == "Job"]
        return job["metadata"]["name"]

    assert name() != name("--set", "jobs.podAnnotations.a=b")


def test_postgresql_gets_the_configured_settings(objects):
    [container] = one(objects, "StatefulSet", "mlflow-postgresql")["spec"]["template"]["spec"]["containers"]
    settings = ["-c", "log_min_duration_statement=2s", "-c", "max_connections=3000000"]
    assert container["args"] == ["postgres", *settings]


def test_the_server_gets_extra_arguments(objects):
    server = one(objects, "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"][0]
    assert server["args"][-1] == "--x-frame-options=DENY"


def test_every_pod_gets_the_scheduling_of_its_component(objects):
    for name, spec in pod_specs(objects).items():
        wanted = {"StatefulSet mlflow-postgresql": "ssd", "StatefulSet mlflow-versitygw": "hdd"}
        selector = {"disk": wanted[name]} if name in wanted else {"kubernetes.io/arch": "amd64"}
        assert spec["nodeSelector"] == selector, name
        assert spec["tolerations"], name
        assert spec["priorityClassName"], name


def test_every_pod_gets_the_image_pull_secrets(objects):
    for name, spec in pod_specs(objects).items():
        assert spec["imagePullSecrets"] == [{"name": "registry-login"}], name


def test_every_claim_has_the_configured_storage_class():
    classes = [f"{part}.persistence.storageClassName=fast" for part in ("postgresql", "versitygw")]
    files = "database.kind=sqlite,database.persistence.storageClassName=fast"
    files += ",store.kind=volume,store.persistence.storageClassName=fast"
    bundled = documents(render("mlflow-stack", "mlflow", "--set", ",".join(classes)))
    claims = [claim for obj in bundled for claim in obj.get("spec", {}).get("volumeClaimTemplates", [])]
    own = documents(render("mlflow-stack", "mlflow", "--set", files))
    claims += [obj for obj in own if obj["kind"] == "PersistentVolumeClaim"]
    assert [claim["spec"]["storageClassName"] for claim in claims] == ["fast"] * 4


def test_an_existing_claim_replaces_the_charts_own(objects):
    for name, claim in (("mlflow-postgresql", "tracking-data"), ("mlflow-versitygw", "models")):
        spec = one(objects, "StatefulSet", name)["spec"]
        assert "volumeClaimTemplates" not in spec
        [data] = [volume for volume in spec["template"]["spec"]["volumes"] if volume["name"] == "data"]
        assert data["persistentVolumeClaim"] == {"claimName": claim}


def test_user_labels_are_in_no_selector(objects):
    deployment = one(objects, "Deployment", "mlflow")["spec"]
    assert deployment["template"]["metadata"]["labels"]["example.com/team"] == "platform"
    assert "example.com/team" not in deployment["selector"]["matchLabels"]
