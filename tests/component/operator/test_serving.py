"""From a ModelDeployment to pods and back to a true status, with everything outside faked."""

import pytest
from davit_operator.domain.errors import ModelRejected
from davit_registry import File
from support.world import CHAMPION, World


async def test_a_first_model_serves():
    world = World()
    world.registry.names(CHAMPION, "3")
    key = world.cluster.create("iris", {"model": {"uri": CHAMPION}})

    await world.reconcile()
    assert world.condition("Ready")["reason"] == "RollingOut"
    assert world.target() == "iris/3"
    assert world.serving() is None

    world.cluster.roll_out("iris")
    await world.reconcile()
    assert world.condition("Ready")["status"] == "True"
    assert world.serving() == "iris/3"
    assert world.status()["replicas"]["summary"] == "1/1"
    assert world.status()["endpoint"] == "http://iris.demo.svc"
    assert world.metrics.by_resource == {key: {"Available": "True", "ModelResolved": "True", "Ready": "True"}}
    assert world.metrics.reconciles == ["waiting", "ready"]
    assert world.metrics.resolves == ["resolved"]


async def test_steady_state_writes_nothing():
    world = World()
    await world.serve(replicas=2, resources={"requests": {"cpu": "1000m"}})
    world.cluster.writes.clear()
    for _ in range(20):
        await world.resync()
        await world.reconcile()
    assert world.cluster.writes == []


async def test_steady_state_neither_lists_files_nor_reads_settled_deployments():
    world = World()
    await world.serve()
    await world.resync()
    listed = len(world.store.listed)
    for _ in range(10):
        assert await world.resync() == []
    assert len(world.store.listed) == listed


async def test_each_distinct_reference_is_resolved_once_per_interval():
    world = World()
    for name in ("a", "b", "c"):
        await world.serve(name)
    world.registry.asked.clear()
    await world.resync()
    assert len(world.registry.asked) == 1


async def test_every_resource_is_reconciled_periodically_in_case_an_event_was_lost():
    world = World()
    await world.serve()
    await world.resync()
    looks = [await world.resync() for _ in range(21)]
    assert len([found for found in looks if found]) == 1


async def test_a_moved_alias_is_followed_without_downtime():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")

    (key,) = await world.resync()
    await world.controller.reconcile(key)
    world.cluster.start_rolling("iris")
    await world.reconcile()
    assert (world.target(), world.serving()) == ("iris/2", "iris/1")
    assert world.condition("Available")["status"] == "True"
    assert world.condition("Ready")["reason"] == "RollingOut"
    assert "Reconciling" in world.conditions()

    world.cluster.roll_out("iris")
    await world.reconcile()
    assert world.serving() == "iris/2"
    assert [entry["label"] for entry in world.status()["history"]] == ["iris/2", "iris/1"]


async def test_going_back_to_an_older_version_gives_the_old_pod_template_again():
    world = World()
    await world.serve()
    first = world.cluster.child("Deployment", "iris")["spec"]["template"]
    world.registry.names(CHAMPION, "2")
    await world.resync()
    await world.reconcile()
    assert world.cluster.child("Deployment", "iris")["spec"]["template"] != first
    world.registry.names(CHAMPION, "1")
    await world.resync()
    await world.reconcile()
    assert world.cluster.child("Deployment", "iris")["spec"]["template"] == first


async def test_an_edit_is_never_reported_as_ready_before_it_is_done():
    world = World()
    await world.serve()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "resources": {"requests": {"cpu": "2"}}})
    assert world.condition("Ready")["observedGeneration"] == 1
    await world.reconcile()
    assert world.status()["observedGeneration"] == 2
    assert world.condition("Ready")["status"] == "False"


async def test_another_alias_of_the_serving_version_restarts_nothing():
    world = World()
    await world.serve()
    world.registry.names("models:/iris/1", "1")
    world.cluster.create("iris", {"model": {"uri": "models:/iris/1"}})
    world.cluster.writes.clear()
    await world.reconcile()
    assert world.cluster.writes == ["status"]
    assert world.condition("Ready")["status"] == "True"


async def test_more_than_one_replica_gets_a_budget_and_one_replica_none():
    world = World()
    await world.serve(replicas=2)
    assert world.cluster.child("PodDisruptionBudget", "iris")
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 1})
    await world.reconcile()
    assert world.cluster.child("PodDisruptionBudget", "iris") is None


async def test_no_replicas_are_ready_when_none_are_wanted():
    world = World()
    await world.serve()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 0})
    await world.reconcile()
    world.cluster.roll_out("iris")
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "ScaledToZero"
    assert world.condition("Available")["status"] == "False"


async def test_drift_is_repaired():
    world = World()
    await world.serve()
    world.cluster.child("Deployment", "iris")["spec"]["template"]["spec"]["containers"][0]["image"] = "evil:1"
    world.cluster.child("Service", "iris")["spec"]["selector"] = {"app": "other"}
    await world.reconcile()
    containers = world.cluster.child("Deployment", "iris")["spec"]["template"]["spec"]["containers"]
    assert containers[0]["image"] == "davit.dev/server:0.1.0"
    assert "davit.dev/track" in world.cluster.child("Service", "iris")["spec"]["selector"]


async def test_fields_added_by_others_are_kept():
    world = World()
    await world.serve()
    template = world.cluster.child("Deployment", "iris")["spec"]["template"]
    template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "now"
    world.cluster.writes.clear()
    await world.reconcile()
    assert world.cluster.writes == []


async def test_a_field_removed_from_the_spec_is_removed_from_the_object():
    world = World()
    await world.serve(nodeSelector={"disk": "ssd"})
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await world.reconcile()
    assert "nodeSelector" not in world.cluster.child("Deployment", "iris")["spec"]["template"]["spec"]


async def test_a_deleted_child_is_recreated():
    world = World()
    await world.serve()
    world.cluster.children.clear()
    await world.reconcile()
    assert world.cluster.child("Deployment", "iris")
    assert world.cluster.child("Service", "iris")


async def test_deleting_a_resource_deletes_its_children():
    world = World()
    await world.serve(replicas=2)
    (key,) = world.cluster.resources
    world.cluster.remove(key)
    await world.reconcile()
    assert world.cluster.children == {}
    assert world.metrics.by_resource == {}


async def test_a_resource_that_is_being_deleted_is_not_changed():
    world = World()
    await world.serve()
    (body,) = world.cluster.resources.values()
    body["metadata"]["deletionTimestamp"] = "now"
    world.cluster.children.clear()
    await world.reconcile()
    assert world.cluster.children == {}


async def test_deployments_of_one_name_in_two_namespaces_are_independent():
    world = World()
    await world.serve()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}}, namespace="other")
    await world.reconcile(namespace="other")
    assert world.cluster.child("Deployment", "iris", "other")
    assert world.condition("Ready")["status"] == "True"


async def test_a_suspended_deployment_follows_no_alias_but_still_scales():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "suspend": True, "replicas": 3})
    world.registry.asked.clear()
    await world.reconcile()
    await world.resync()
    assert world.registry.asked == []
    assert world.target() == "iris/1"
    assert world.cluster.child("Deployment", "iris")["spec"]["replicas"] == 3
    world.cluster.roll_out("iris")
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "Suspended"


async def test_files_that_are_repaired_before_they_serve_are_pinned_again():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")
    location = world.registry.models[CHAMPION].location
    await world.resync()
    await world.reconcile()
    before = world.status()["model"]["target"]["digest"]
    world.store.files[location] = [File("MLmodel", 2, "repaired")]
    await world.resync()
    await world.reconcile()
    assert world.status()["model"]["target"]["digest"] != before


async def test_files_that_are_deleted_before_they_serve_are_reported():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")
    world.store.files[world.registry.models[CHAMPION].location] = []
    await world.resync()
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "ArtifactsMissing"
    assert world.condition("Available")["status"] == "True"
    assert world.serving() == "iris/1"


async def test_a_folder_without_a_model_is_rejected_before_any_pod_changes():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")
    world.store.files[world.registry.models[CHAMPION].location] = [File("README.md", 2, "x")]
    world.cluster.writes.clear()
    await world.resync()
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "NotAModel"
    assert world.condition("Ready")["message"].startswith("iris/2: there is no MLmodel file")
    assert world.cluster.writes == ["status", "event"]


async def test_events_are_posted_on_transitions_only():
    world = World()
    await world.serve()
    assert [note.reason for note in world.cluster.notes] == ["Resolved", "RolledOut"]
    world.registry.outage = ModelRejected("AliasNotFound", "no such alias")
    for _ in range(5):
        await world.resync()
        await world.reconcile()
    assert [note.reason for note in world.cluster.notes] == ["Resolved", "RolledOut", "AliasNotFound"]


@pytest.mark.parametrize(
    ("etag", "proven"),
    [("0f343b0931126a20f133d67c2b018a3b", "Content"), ("", "Listing"), ("0x8DC", "Listing")],
)
async def test_the_status_keeps_reporting_the_integrity_of_the_digest(etag: str, proven: str):
    world = World()
    world.registry.names(CHAMPION, "1")
    location = world.registry.models[CHAMPION].location
    world.store.files[location] = [File("MLmodel", 1, etag), File("model.pkl", 9, etag)]
    await world.serve()
    for _ in range(2):
        model = world.status()["model"]
        assert (model["target"]["integrity"], model["serving"]["integrity"]) == (proven, proven)
        world.restart_operator()
        await world.reconcile()


async def test_a_stored_pin_without_integrity_is_kept():
    world = World()
    await world.serve()
    for pin in world.status()["model"].values():
        del pin["integrity"]
    world.cluster.writes.clear()
    await world.reconcile()
    assert world.cluster.writes == []
    assert "integrity" not in world.status()["model"]["serving"]
