"""From a ModelDeployment to pods and back to a true status, with everything outside faked."""

import pytest
from davit_operator.domain.errors import ModelRejected
from davit_registry import File
from support.fakes.operator_harness import CHAMPION, OperatorHarness


async def test_a_first_model_serves():
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "3")
    key = harness.cluster.create("iris", {"model": {"uri": CHAMPION}})

    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "RollingOut"
    assert harness.target() == "iris/3"
    assert harness.serving() is None

    harness.cluster.roll_out("iris")
    await harness.reconcile()
    assert harness.condition("Ready")["status"] == "True"
    assert harness.serving() == "iris/3"
    assert harness.status()["replicas"]["summary"] == "1/1"
    assert harness.status()["endpoint"] == "http://iris.demo.svc"
    assert harness.metrics.by_resource == {
        key: {"Available": "True", "ModelResolved": "True", "Ready": "True", "EnvironmentReady": "Unknown"}
    }
    assert harness.metrics.reconciles == ["waiting", "ready"]
    assert harness.metrics.resolves == ["resolved"]


async def test_steady_state_writes_nothing():
    harness = OperatorHarness()
    await harness.serve(replicas=2, resources={"requests": {"cpu": "1000m"}})
    harness.cluster.writes.clear()
    for _ in range(20):
        await harness.resync()
        await harness.reconcile()
    assert harness.cluster.writes == []


async def test_steady_state_neither_lists_files_nor_reads_settled_deployments():
    harness = OperatorHarness()
    await harness.serve()
    await harness.resync()
    listed = len(harness.store.listed)
    for _ in range(10):
        assert await harness.resync() == []
    assert len(harness.store.listed) == listed


async def test_each_distinct_reference_is_resolved_once_per_interval():
    harness = OperatorHarness()
    for name in ("a", "b", "c"):
        await harness.serve(name)
    harness.registry.asked.clear()
    await harness.resync()
    assert len(harness.registry.asked) == 1


async def test_every_resource_is_reconciled_periodically_in_case_an_event_was_lost():
    harness = OperatorHarness()
    await harness.serve()
    await harness.resync()
    looks = [await harness.resync() for _ in range(21)]
    assert len([found for found in looks if found]) == 1


async def test_a_moved_alias_is_followed_without_downtime():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")

    (key,) = await harness.resync()
    await harness.controller.reconcile(key)
    harness.cluster.start_rolling("iris")
    await harness.reconcile()
    assert (harness.target(), harness.serving()) == ("iris/2", "iris/1")
    assert harness.condition("Available")["status"] == "True"
    assert harness.condition("Ready")["reason"] == "RollingOut"
    assert "Reconciling" in harness.conditions()

    harness.cluster.roll_out("iris")
    await harness.reconcile()
    assert harness.serving() == "iris/2"
    assert [entry["label"] for entry in harness.status()["history"]] == ["iris/2", "iris/1"]


async def test_going_back_to_an_older_version_gives_the_old_pod_template_again():
    harness = OperatorHarness()
    await harness.serve()
    first = harness.cluster.child("Deployment", "iris")["spec"]["template"]
    harness.registry.names(CHAMPION, "2")
    await harness.resync()
    await harness.reconcile()
    assert harness.cluster.child("Deployment", "iris")["spec"]["template"] != first
    harness.registry.names(CHAMPION, "1")
    await harness.resync()
    await harness.reconcile()
    assert harness.cluster.child("Deployment", "iris")["spec"]["template"] == first


async def test_an_edit_is_never_reported_as_ready_before_it_is_done():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "resources": {"requests": {"cpu": "2"}}})
    assert harness.condition("Ready")["observedGeneration"] == 1
    await harness.reconcile()
    assert harness.status()["observedGeneration"] == 2
    assert harness.condition("Ready")["status"] == "False"


async def test_another_alias_of_the_serving_version_restarts_nothing():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names("models:/iris/1", "1")
    harness.cluster.create("iris", {"model": {"uri": "models:/iris/1"}})
    harness.cluster.writes.clear()
    await harness.reconcile()
    assert harness.cluster.writes == ["status"]
    assert harness.condition("Ready")["status"] == "True"


async def test_more_than_one_replica_gets_a_budget_and_one_replica_none():
    harness = OperatorHarness()
    await harness.serve(replicas=2)
    assert harness.cluster.child("PodDisruptionBudget", "iris")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 1})
    await harness.reconcile()
    assert harness.cluster.child("PodDisruptionBudget", "iris") is None


async def test_no_replicas_are_ready_when_none_are_wanted():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 0})
    await harness.reconcile()
    harness.cluster.roll_out("iris")
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "ScaledToZero"
    assert harness.condition("Available")["status"] == "False"


async def test_drift_is_repaired():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.child("Deployment", "iris")["spec"]["template"]["spec"]["containers"][0]["image"] = (
        "evil:1"
    )
    harness.cluster.child("Service", "iris")["spec"]["selector"] = {"app": "other"}
    await harness.reconcile()
    containers = harness.cluster.child("Deployment", "iris")["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "davit.dev/server:0.1.0"
    assert "davit.dev/track" in harness.cluster.child("Service", "iris")["spec"]["selector"]


async def test_fields_added_by_others_are_kept():
    harness = OperatorHarness()
    await harness.serve()
    template = harness.cluster.child("Deployment", "iris")["spec"]["template"]
    template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "now"
    harness.cluster.writes.clear()
    await harness.reconcile()
    assert harness.cluster.writes == []


async def test_a_field_removed_from_the_spec_is_removed_from_the_object():
    harness = OperatorHarness()
    await harness.serve(nodeSelector={"disk": "ssd"})
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await harness.reconcile()
    assert "nodeSelector" not in harness.cluster.child("Deployment", "iris")["spec"]["template"]["spec"]


async def test_a_deleted_child_is_recreated():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.children.clear()
    await harness.reconcile()
    assert harness.cluster.child("Deployment", "iris")
    assert harness.cluster.child("Service", "iris")


async def test_deleting_a_resource_deletes_its_children():
    harness = OperatorHarness()
    await harness.serve(replicas=2)
    (key,) = harness.cluster.resources
    harness.cluster.remove(key)
    await harness.reconcile()
    assert harness.cluster.children == {}
    assert harness.metrics.by_resource == {}


async def test_a_resource_that_is_being_deleted_is_not_changed():
    harness = OperatorHarness()
    await harness.serve()
    (body,) = harness.cluster.resources.values()
    body["metadata"]["deletionTimestamp"] = "now"
    harness.cluster.children.clear()
    await harness.reconcile()
    assert harness.cluster.children == {}


async def test_deployments_of_one_name_in_two_namespaces_are_independent():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}}, namespace="other")
    await harness.reconcile(namespace="other")
    assert harness.cluster.child("Deployment", "iris", "other")
    assert harness.condition("Ready")["status"] == "True"


async def test_a_suspended_deployment_follows_no_alias_but_still_scales():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "suspend": True, "replicas": 3})
    harness.registry.asked.clear()
    await harness.reconcile()
    await harness.resync()
    assert harness.registry.asked == []
    assert harness.target() == "iris/1"
    assert harness.cluster.child("Deployment", "iris")["spec"]["replicas"] == 3
    harness.cluster.roll_out("iris")
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "Suspended"


async def test_files_that_are_repaired_before_they_serve_are_pinned_again():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    location = harness.registry.models[CHAMPION].location
    await harness.resync()
    await harness.reconcile()
    before = harness.status()["model"]["target"]["digest"]
    harness.store.files[location] = [File("MLmodel", 2, "repaired")]
    await harness.resync()
    await harness.reconcile()
    assert harness.status()["model"]["target"]["digest"] != before


async def test_files_that_are_deleted_before_they_serve_are_reported():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    harness.store.files[harness.registry.models[CHAMPION].location] = []
    await harness.resync()
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "ArtifactsMissing"
    assert harness.condition("Available")["status"] == "True"
    assert harness.serving() == "iris/1"


async def test_a_folder_without_a_model_is_rejected_before_any_pod_changes():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    harness.store.files[harness.registry.models[CHAMPION].location] = [File("README.md", 2, "x")]
    harness.cluster.writes.clear()
    await harness.resync()
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "NotAModel"
    assert harness.condition("Ready")["message"].startswith("iris/2: there is no MLmodel file")
    assert harness.cluster.writes == ["status", "event"]


async def test_events_are_posted_on_transitions_only():
    harness = OperatorHarness()
    await harness.serve()
    assert [note.reason for note in harness.cluster.notes] == ["Resolved", "RolledOut"]
    harness.registry.outage = ModelRejected("AliasNotFound", "no such alias")
    for _ in range(5):
        await harness.resync()
        await harness.reconcile()
    assert [note.reason for note in harness.cluster.notes] == ["Resolved", "RolledOut", "AliasNotFound"]


@pytest.mark.parametrize(
    ("etag", "proven"),
    [("0f343b0931126a20f133d67c2b018a3b", "Content"), ("", "Listing"), ("0x8DC", "Listing")],
)
async def test_the_status_keeps_reporting_the_integrity_of_the_digest(etag: str, proven: str):
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "1")
    location = harness.registry.models[CHAMPION].location
    harness.store.files[location] = [File("MLmodel", 1, etag), File("model.pkl", 9, etag)]
    await harness.serve()
    for _ in range(2):
        model = harness.status()["model"]
        assert (model["target"]["integrity"], model["serving"]["integrity"]) == (proven, proven)
        harness.restart_operator()
        await harness.reconcile()


async def test_a_stored_pin_without_integrity_is_kept():
    harness = OperatorHarness()
    await harness.serve()
    for pin in harness.status()["model"].values():
        del pin["integrity"]
    harness.cluster.writes.clear()
    await harness.reconcile()
    assert harness.cluster.writes == []
    assert "integrity" not in harness.status()["model"]["serving"]
