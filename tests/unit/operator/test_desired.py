"""Desired objects: golden files, and the promises that golden files cannot state."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from davit_operator.domain.pin import Pin
from davit_operator.modeldeployment.parts import build_track
from davit_operator.models.route import Platform, choose_route
from davit_operator.workload.blueprint import Blueprint, ServerImage, TrackGoal
from davit_registry.resolved import ResolvedModel
from davit_resource.v1alpha1 import parse_resource
from support.golden import INPUT

SAMPLES = Path(__file__).parents[3] / "manifests" / "samples"
PLATFORM = Platform("http://mlflow.mlflow.svc:5000", artifacts_destination="s3://mlflow/artifacts")


def source_of(spec: dict[str, Any]) -> ResolvedModel:
    model = spec["model"]
    if model["uri"].startswith("s3://"):
        return ResolvedModel(uri=model["uri"], registry="", location=model["uri"])
    return ResolvedModel(
        uri=model["uri"],
        registry=model.get("registry", {}).get("url", PLATFORM.registry_url),
        location="mlflow-artifacts:/1/models/m-abc/artifacts",
        name="iris",
        version="3",
        run_id="0123456789abcdef0123456789abcdef",
        model_id="m-abc",
    )


def blueprint(body: dict[str, Any], **changes: Any) -> Blueprint:
    metadata = {"namespace": "demo", "uid": "11111111-2222-3333-4444-555555555555", **body["metadata"]}
    resource = parse_resource({**body, "metadata": metadata, "spec": {**body["spec"], **changes}})
    spec, source = resource.parse_spec(), source_of(body["spec"])
    return Blueprint(
        ref=resource.ref,
        uid=resource.uid,
        spec=spec,
        goal=TrackGoal("stable", Pin(source, "sha256:" + "ab" * 32), spec.replicas),
        route=choose_route(source.location, spec.model, PLATFORM),
        image=ServerImage("davit.dev/server:0.1.0"),
    )


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((INPUT / "operator" / f"{name}.yaml").read_text())


def deployment(**changes: Any) -> dict[str, Any]:
    return build_track(blueprint(load("minimal"), **changes))[-1]


def pod(**changes: Any) -> dict[str, Any]:
    return deployment(**changes)["spec"]["template"]["spec"]


@pytest.mark.parametrize("name", ["minimal", "direct", "registry-secret"])
def test_objects_equal_their_golden_files(name, golden):
    golden.check_yaml(f"operator/{name}.yaml", build_track(blueprint(load(name))))


def test_objects_of_the_full_sample_equal_their_golden_files(golden):
    sample = yaml.safe_load((SAMPLES / "full.yaml").read_text())
    # The sample shows every field; the registry is the operator's own, so the store secret is usable.
    golden.check_yaml("operator/full.yaml", build_track(blueprint(sample)))


def test_user_labels_stay_out_of_every_selector():
    built = build_track(blueprint(load("minimal"), podMetadata={"labels": {"team": "flowers"}}, replicas=2))
    service, budget, made = built
    assert made["spec"]["template"]["metadata"]["labels"]["team"] == "flowers"
    assert "team" not in made["spec"]["selector"]["matchLabels"]
    assert "team" not in service["spec"]["selector"]
    assert "team" not in budget["spec"]["selector"]["matchLabels"]


def test_a_user_label_never_replaces_one_of_ours():
    labels = {"davit.dev/track": "other", "davit.dev/pin": "other"}
    made = deployment(podMetadata={"labels": labels})["spec"]["template"]["metadata"]["labels"]
    assert made["davit.dev/track"] == "stable"
    assert made["davit.dev/pin"] != "other"


def test_only_fetch_sees_credentials():
    built = build_track(blueprint(load("direct")))[-1]["spec"]["template"]["spec"]
    assert "secretKeyRef" in str(built["initContainers"])
    assert "secretKeyRef" not in str(built["containers"])
    assert not built["automountServiceAccountToken"]


def test_the_grace_period_covers_drain_and_the_longest_request():
    assert pod()["terminationGracePeriodSeconds"] == 10 + 60 + 5
    assert pod(server={"drainSeconds": 0, "requestTimeoutSeconds": 7})["terminationGracePeriodSeconds"] == 12


def test_a_single_replica_has_no_budget_that_would_block_a_drain():
    kinds = [obj["kind"] for obj in build_track(blueprint(load("minimal")))]
    assert kinds == ["Service", "Deployment"]


def test_another_alias_of_the_same_version_changes_no_pod():
    changed = load("minimal")
    changed["spec"]["model"]["uri"] = "models:/iris@other"
    assert deployment() == build_track(blueprint(changed))[-1]


def test_more_replicas_leave_the_pod_template_alone():
    one, two = deployment(), deployment(replicas=2)
    assert one["spec"]["template"] == two["spec"]["template"]
    assert one["metadata"]["annotations"] != two["metadata"]["annotations"]


def test_a_spread_constraint_without_selector_counts_our_pods():
    constraint = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    (built,) = pod(topologySpreadConstraints=[constraint])["topologySpreadConstraints"]
    assert built["labelSelector"]["matchLabels"]["davit.dev/deployment"] == "iris"
    assert built["maxSkew"] == 2


def test_an_empty_list_of_spread_constraints_means_none():
    assert "topologySpreadConstraints" not in pod(topologySpreadConstraints=[])


def test_no_value_that_the_api_server_would_drop_is_ever_applied():
    def empties(tree: Any, path: str = "") -> list[str]:
        if isinstance(tree, dict):
            return [one for name, value in tree.items() for one in empties(value, f"{path}.{name}")]
        if isinstance(tree, list):
            return [one for value in tree for one in empties(value, f"{path}[]")]
        return [path] if tree in ("", None) else []

    for name in ("minimal", "direct", "registry-secret"):
        for obj in build_track(blueprint(load(name))):
            assert empties(obj) == []
