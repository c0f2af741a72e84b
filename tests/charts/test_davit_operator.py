"""The operator's chart against the operator's code: definition, permissions, environment."""

from pathlib import Path

import pytest
import yaml
from davit_environment.manifest import RuntimeManifest, write_manifest
from davit_operator.adapters.permissions import list_permissions
from davit_operator.adapters.runtimes import read_runtimes
from davit_operator.modeldeployment.parts import describe_kind
from davit_operator.settings import Settings
from davit_registry.stores.table import direct_stores
from support.charts.rendering import CHARTS, ROOT, ChartError, documents, environment, one, render

MANIFEST = RuntimeManifest("3.11.7", packages={"numpy": "2.0.0"}, libraries=frozenset({"libgomp.so.1"}))
EVERY_REGISTRY_VALUE = ROOT / "tests/data/input/charts/davit-operator-own-registry.values.yaml"


def rendered(*arguments: str):
    return documents(render("davit-operator", "davit", *arguments))


def rules(role) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def wanted(*, everywhere: bool) -> set[tuple[str, str, str]]:
    return {
        (permission.group, permission.resource, verb)
        for permission in list_permissions([describe_kind()])
        for verb in permission.verbs
        if everywhere or not permission.cluster_scoped
    }


def test_the_chart_installs_the_crd_of_manifests():
    name = "modeldeployments.davit.dev"
    reviewed = ROOT / f"manifests/crds/{name}.yaml"
    copied = CHARTS / f"davit-operator/files/{name}.yaml"
    assert copied.read_text() == reviewed.read_text(), f"cp {reviewed} {copied}"
    assert (
        one(rendered(), "CustomResourceDefinition", name)["spec"]
        == yaml.safe_load(reviewed.read_text())["spec"]
    )


def test_the_crd_outlives_the_release_unless_configured_otherwise():
    annotations = one(rendered(), "CustomResourceDefinition", "modeldeployments.davit.dev")["metadata"][
        "annotations"
    ]
    assert annotations == {"helm.sh/resource-policy": "keep"}
    [unkept] = [
        obj for obj in rendered("--set", "crds.keep=false") if obj["kind"] == "CustomResourceDefinition"
    ]
    assert "annotations" not in unkept["metadata"]


def test_the_crd_can_be_left_out():
    kinds = {obj["kind"] for obj in rendered("--set", "crds.install=false")}
    assert "CustomResourceDefinition" not in kinds


def test_the_cluster_role_is_exactly_what_the_code_uses():
    assert rules(one(rendered(), "ClusterRole", "davit-operator")) == wanted(everywhere=True)


def test_named_namespaces_get_roles_and_nothing_cluster_wide():
    objects = rendered("--set", "watchNamespaces={team-a,team-b}")
    roles = [obj for obj in objects if obj["kind"] == "Role"]
    assert [role["metadata"]["namespace"] for role in roles] == ["team-a", "team-b"]
    assert all(rules(role) == wanted(everywhere=False) for role in roles)
    assert not [obj for obj in objects if obj["kind"].startswith("ClusterRole")]


def operator_environment(*arguments: str):
    [operator] = one(rendered(*arguments), "Deployment", "davit-operator")["spec"]["template"]["spec"][
        "containers"
    ]
    return environment(operator)


def known_names() -> set[str]:
    own = {f"DAVIT_{name.upper()}" for name in Settings.model_fields}
    return own | {name for kind in direct_stores() for name in kind.secret_keys.values()}


def test_the_chart_sets_every_setting_of_the_operator_and_no_other():
    [deployment] = [
        obj for obj in rendered("--values", str(EVERY_REGISTRY_VALUE)) if obj["kind"] == "Deployment"
    ]
    [operator] = deployment["spec"]["template"]["spec"]["containers"]
    from_store_secret = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert environment(operator).keys() | from_store_secret == known_names()


def test_the_operator_reads_the_settings_that_the_chart_renders():
    values = {name: variable["value"] for name, variable in operator_environment().items()}
    assert values["DAVIT_WEBHOOK_URL"] == "http://davit-operator.team.svc:8081/mlflow"
    assert values["DAVIT_SERVER_IMAGE"] == f"davit.dev/server:{version()}"
    Settings.model_validate({name.removeprefix("DAVIT_").lower(): value for name, value in values.items()})


def test_the_operator_reads_the_manifests_that_the_chart_mounts(tmp_path: Path):
    manifest = tmp_path / "runtime.json"
    manifest.write_text(write_manifest(MANIFEST))
    objects = rendered(
        *("--set-file", f"runtimes[0].manifest={manifest}"),
        *("--set-file", f"runtimes[1].manifest={manifest}", "--set", "runtimes[1].image=example.com/a:1"),
    )
    mounted = tmp_path / "runtimes.json"
    mounted.write_text(one(objects, "ConfigMap", "davit-operator-runtimes")["data"]["runtimes.json"])
    default = f"davit.dev/server:{version()}"
    assert read_runtimes(str(mounted)) == {default: MANIFEST, "example.com/a:1": MANIFEST}


def test_without_manifests_nothing_is_mounted():
    assert not [obj for obj in rendered() if obj["kind"] == "ConfigMap"]
    assert "DAVIT_RUNTIMES_FILE" not in operator_environment()


def test_the_keys_of_the_stacks_connection_are_settings_of_the_operator():
    connection = one(documents(render("mlflow-stack", "mlflow")), "Secret", "mlflow-davit-connection")
    assert connection["stringData"].keys() <= known_names()


def version() -> str:
    return str(yaml.safe_load((CHARTS / "davit-operator/Chart.yaml").read_text())["appVersion"])


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        (
            "connection.secretName=a,registry.url=http://b",
            "connection.secretName and registry.url contradict",
        ),
        (
            "connection.secretName=a,store.region=eu-west-1",
            "connection.secretName and store.region contradict",
        ),
        (
            "metrics.prometheusRule.enabled=true,metrics.podMonitor.enabled=true",
            "metrics.prometheusRule.enabled is true and metrics.serviceMonitor.enabled is false",
        ),
        (
            "metrics.prometheusRule.enabled=true,metrics.serviceMonitor.enabled=true",
            "metrics.prometheusRule.enabled is true and metrics.podMonitor.enabled is false",
        ),
        (
            "registry.secretName=a",
            "registry.secretName is set, but registry.url and connection.secretName are empty",
        ),
        (
            "webhook.secretName=a",
            "webhook.secretName is set, but registry.url and connection.secretName are empty",
        ),
    ],
)
def test_contradicting_values_are_rejected_naming_both(values: str, complaint: str):
    with pytest.raises(ChartError, match=complaint):
        rendered("--set", values)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("replicas=2", "replicas"),
        ("registry.uri=http://mlflow", "uri"),
        ("registry.url=mlflow:5000", "registry/url"),
        ("registry.url=http://me:hunter2@mlflow:5000", "registry/url"),
        ("webhook.url=http://davit:8081/other", "webhook/url"),
        ("resolveIntervalSeconds=0", "resolveIntervalSeconds"),
        ("log.level=LOUD", "log/level"),
        ("watchNamespaces[0]=Team_A", "watchNamespaces"),
        ("serverImage.tag=latest", "serverImage/tag"),
        ("store.artifactsDestination=/mnt/models", "artifactsDestination"),
    ],
)
def test_an_invalid_value_is_rejected_by_name(value: str, complaint: str):
    with pytest.raises(ChartError, match=complaint):
        rendered("--set", value)
