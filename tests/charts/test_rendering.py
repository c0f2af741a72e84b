"""Both charts, whatever the values: valid for Helm and Kubernetes, as reviewed, and nothing but restricted pods."""

import copy
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from support.charts.rendering import CHARTS, Document, containers, documents, helm, pod_specs
from support.golden import Golden
from support.schemas.kubernetes import write_schemas

from devcluster.binaries.build import ensure_binary

# What the connection Secret repeats.
GENERATED = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "DAVIT_WEBHOOK_SECRET"),
    *("DAVIT_REGISTRY_PASSWORD", "DAVIT_CA_CERTIFICATES"),
}


def reviewable(objects: list[Document]) -> list[Document]:
    """Without what is random or reviewed elsewhere: generated credentials, scripts, the definition."""
    objects = copy.deepcopy(objects)
    for obj in objects:
        if obj["kind"] == "Secret":
            obj.update({"data": dict.fromkeys(obj["data"], "<generated>")} if "data" in obj else {})
            for name in GENERATED & obj.get("stringData", {}).keys():
                obj["stringData"][name] = "<generated>"
        if obj["kind"] == "ConfigMap":
            obj["data"] = dict.fromkeys(obj["data"], "<file>")
        annotations = obj.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
        for name in {"checksum/scripts", "checksum/secrets"} & annotations.keys():
            annotations[name] = "<checksum>"
        if obj["kind"] == "Job":
            obj["metadata"]["name"] = re.sub(r"-[0-9a-f]{6}-", "-<checksum>-", obj["metadata"]["name"])
        if obj["kind"] == "CustomResourceDefinition":
            obj["spec"] = "<manifests/crds>"
    return objects


@pytest.fixture(name="objects")
def rendered_objects(rendered: str) -> list[Document]:
    return documents(rendered)


def test_a_chart_passes_helm_lint(chart: str):
    helm("lint", "--strict", str(CHARTS / chart), "--kube-version", "1.34.0")


def test_a_rendering_equals_its_golden_file(example: str, objects: list[Document], golden: Golden):
    golden.check_yaml(f"charts/{example}.yaml", reviewable(objects))


def test_kubernetes_knows_every_field(rendered: str, objects: list[Document], tmp_path: Path):
    location = write_schemas(tmp_path, {(obj["apiVersion"], obj["kind"]) for obj in objects})
    arguments = [ensure_binary("kubeconform"), "-strict", "-schema-location", location, "-"]
    checked = subprocess.run(arguments, input=rendered, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_object_is_in_the_release_namespace_or_names_another(objects: list[Document]):
    cluster_wide = {"CustomResourceDefinition", "ClusterRole", "ClusterRoleBinding"}
    homeless = [
        o["metadata"]["name"]
        for o in objects
        if o["kind"] not in cluster_wide and "namespace" not in o["metadata"]
    ]
    assert homeless == []


def test_every_pod_is_restricted(objects: list[Document]):
    for name, spec in pod_specs(objects).items():
        assert spec["enableServiceLinks"] is False, f"{name}: MLFLOW_PORT=tcp://... would break mlflow"
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in containers(spec):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["capabilities"] == {"drop": ["ALL"]}, name


def test_only_the_operator_holds_a_token(objects: list[Document]):
    with_token = [
        n for n, spec in pod_specs(objects).items() if spec.get("automountServiceAccountToken", True)
    ]
    assert all("serviceAccountName" in pod_specs(objects)[name] for name in with_token)
    assert len(with_token) <= 1


def test_every_server_has_all_three_probes(objects: list[Document]):
    for obj in objects:
        if obj["kind"] in {"Deployment", "StatefulSet"}:
            for container in obj["spec"]["template"]["spec"]["containers"]:
                assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys(), container[
                    "name"
                ]


def test_every_image_has_a_fixed_tag(objects: list[Document]):
    images = {c["image"] for spec in pod_specs(objects).values() for c in containers(spec)}
    assert all(":" in image.split("/")[-1] and not image.endswith(":latest") for image in images)


def test_a_package_holds_no_image_sources(chart: str, tmp_path: Path):
    helm("package", str(CHARTS / chart), "--destination", str(tmp_path))
    [package] = tmp_path.glob("*.tgz")
    with tarfile.open(package) as archive:
        names = archive.getnames()
    assert f"{chart}/values.schema.json" in names
    assert not [name for name in names if "Dockerfile" in name]
