"""Everything that can go wrong, what the conditions say then, and that what serves goes on serving."""

import json

import pytest
from davit_operator.domain.errors import Denied, InvalidSpec, ModelRejected, Unavailable, Waiting
from davit_operator.modeldeployment.reconciler import Next
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from support.world import CHAMPION, World

OUTAGE = Unavailable("RegistryUnavailable", "the registry does not answer; check that it runs")


async def test_a_registry_outage_changes_nothing():
    world = World()
    await world.serve(replicas=2)
    ready, deployment = world.condition("Ready"), world.cluster.child("Deployment", "iris")
    world.registry.outage = OUTAGE
    (key,) = await world.resync()
    assert await world.controller.reconcile(key) == Next(back_off=True)
    assert world.condition("Ready") == ready
    assert world.condition("ModelResolved")["status"] == "Unknown"
    assert world.cluster.child("Deployment", "iris") == deployment
    assert world.serving() == "iris/1"


async def test_a_long_outage_writes_once_when_it_begins_and_once_when_it_ends():
    world = World()
    await world.serve()
    world.cluster.writes.clear()
    world.registry.outage = OUTAGE
    for _ in range(10):
        for key in await world.resync():
            await world.controller.reconcile(key)
    world.registry.outage = None
    for _ in range(10):
        for key in await world.resync():
            await world.controller.reconcile(key)
    assert world.cluster.writes == ["status", "status"]
    assert world.condition("ModelResolved")["status"] == "True"


async def test_during_an_outage_drift_is_repaired_and_replicas_follow_the_spec():
    world = World()
    await world.serve()
    world.registry.outage = OUTAGE
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 2})
    await world.resync()
    await world.reconcile()
    assert world.cluster.child("Deployment", "iris")["spec"]["replicas"] == 2


async def test_an_operator_restart_during_an_outage_changes_nothing():
    world = World()
    await world.serve()
    world.registry.outage = OUTAGE
    await world.resync()
    await world.reconcile()
    world.restart_operator()
    world.cluster.writes.clear()
    await world.resync()
    await world.reconcile()
    assert world.cluster.writes == []


async def test_a_restart_in_the_middle_of_a_rollout_is_harmless():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")
    await world.resync()
    await world.reconcile()
    world.cluster.start_rolling("iris")
    world.restart_operator()
    world.cluster.writes.clear()
    await world.reconcile()
    assert "apply Deployment iris" not in world.cluster.writes
    world.cluster.roll_out("iris")
    await world.reconcile()
    assert world.serving() == "iris/2"


async def test_a_store_outage_keeps_the_last_version():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")
    world.store.outage = Unavailable("StoreUnavailable", "the store does not answer")
    await world.resync()
    await world.reconcile()
    assert world.target() == "iris/1"
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("ModelResolved")["reason"] == "StoreUnavailable"


async def test_a_missing_alias_names_the_cure_while_the_old_version_serves():
    world = World()
    await world.serve()
    world.registry.models.clear()
    (key,) = await world.resync()
    await world.controller.reconcile(key)
    assert world.condition("Ready")["status"] == "False"
    assert world.condition("Ready")["reason"] == "AliasNotFound"
    assert "set it in MLflow" in world.condition("Ready")["message"]
    assert "(iris/1 keeps serving)" in world.condition("Ready")["message"]
    assert world.condition("Available")["status"] == "True"
    assert "Stalled" in world.conditions()


async def test_an_alias_that_appears_later_is_found_by_the_resync():
    world = World()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "AliasNotFound"
    world.registry.names(CHAMPION, "1")
    (key,) = await world.resync()
    await world.controller.reconcile(key)
    assert world.target() == "iris/1"


async def test_an_invalid_reference_is_rejected_with_the_six_valid_forms():
    world = World()
    world.cluster.create("iris", {"model": {"uri": "models:/iris"}})
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "InvalidReference"
    assert world.condition("Ready")["message"].startswith("spec.model.uri: ")
    assert "models:/NAME@ALIAS" in world.condition("Ready")["message"]
    assert "Stalled" in world.conditions()


async def test_an_invalid_spec_keeps_the_serving_pods():
    world = World()
    await world.serve()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "canary": {}})
    world.cluster.writes.clear()
    await world.reconcile()
    assert world.cluster.writes == ["status", "event"]
    assert world.condition("Ready")["reason"] == "InvalidSpec"
    assert world.condition("Available")["status"] == "True"
    assert world.serving() == "iris/1"


async def test_failures_of_new_pods_are_reported_with_stage_cause_and_cure():
    world = World()
    await world.serve()
    world.registry.names(CHAMPION, "2")
    await world.resync()
    await world.reconcile()
    words = {
        "stage": "fetch",
        "reason": "DigestMismatch",
        "cause": "MLmodel changed",
        "cure": "register it anew",
    }
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": json.dumps(words)}}
    world.cluster.start_rolling("iris", initContainerStatuses=[{"name": "fetch", "state": state}])
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "DigestMismatch"
    assert (
        "fetch failed in container fetch: MLmodel changed; register it anew"
        in world.condition("Ready")["message"]
    )
    assert world.condition("Available")["status"] == "True"
    assert world.serving() == "iris/1"


async def test_a_secret_that_does_not_exist_is_named_with_its_field():
    world = World()
    spec = {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}}
    world.cluster.create("iris", spec)
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "SecretMissing"
    assert "spec.model.storeSecretName names Secret demo/store" in world.condition("Ready")["message"]


async def test_a_secret_without_the_keys_is_named_with_them():
    world = World()
    world.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id"}
    world.cluster.create("iris", {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}})
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "SecretKeyMissing"
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in world.condition("Ready")["message"]


async def test_a_secret_that_is_created_later_is_found_by_the_resync():
    world = World()
    world.cluster.create("iris", {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}})
    await world.reconcile()
    world.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    await world.resync()
    await world.reconcile()
    assert world.target().startswith("sha256:")


async def test_credentials_of_a_secret_reach_the_store_and_no_message():
    world = World()
    world.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    world.store.outage = Denied("StoreDenied", "the store refuses us")
    world.cluster.create("iris", {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}})
    await world.reconcile()
    ((_, access),) = world.store.listed
    assert access.values["AWS_SECRET_ACCESS_KEY"] == "hunter2"
    assert "hunter2" not in repr(access)
    assert "hunter2" not in json.dumps(world.status())
    assert world.condition("Ready")["reason"] == "StoreDenied"
    said = world.condition("Ready")["message"]
    assert "credentials are those of Secret demo/store, which spec.model.storeSecretName names" in said


async def test_the_operators_credentials_never_go_to_a_registry_named_in_a_spec():
    world = World(registry_username="operator", registry_password="hunter2")
    world.cluster.create("iris", {"model": {"uri": CHAMPION, "registry": {"url": "http://evil.example.org"}}})
    await world.reconcile()
    ((_, access),) = world.registry.asked
    assert not access.has_credentials


async def test_a_registry_with_login_but_no_secret_for_pods_is_rejected_with_the_cure():
    world = World(registry_username="operator", registry_password="hunter2")
    world.registry.names(CHAMPION, "1")
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "RegistrySecretRequired"
    assert "spec.model.registry.secretName is missing" in world.condition("Ready")["message"]
    assert world.cluster.children == {}


async def test_an_object_of_another_owner_is_reported_and_unchanged():
    world = World()
    world.registry.names(CHAMPION, "1")
    await world.cluster.apply(
        {"kind": "Service", "metadata": {"namespace": "demo", "name": "iris"}, "spec": {"type": "ClusterIP"}}
    )
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    world.cluster.writes.clear()
    await world.reconcile()
    assert world.cluster.writes == ["status", "event", "event"]
    assert world.condition("Ready")["reason"] == "NameTaken"


async def test_children_of_a_deleted_resource_of_the_same_name_are_waited_for():
    world = World()
    await world.serve()
    (key,) = world.cluster.resources
    del world.cluster.resources[key]
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    assert (await world.reconcile()).after is not None
    assert world.condition("Ready")["reason"] == "OldObjectsTerminating"
    world.cluster.children.clear()
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "RollingOut"


async def test_a_conflict_is_tried_again_soon():
    world = World()
    world.registry.names(CHAMPION, "1")
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    world.cluster.refuse_apply = Waiting("Conflict", "another writer changed it at the same time")
    assert (await world.reconcile()).after is not None
    assert world.condition("Ready")["reason"] == "Conflict"
    world.cluster.refuse_apply = None
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "RollingOut"


async def test_an_object_that_kubernetes_rejects_is_an_invalid_spec():
    world = World()
    world.registry.names(CHAMPION, "1")
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    world.cluster.refuse_apply = InvalidSpec("RefusedByKubernetes", "Kubernetes refuses the object: limits")
    assert await world.reconcile() == Next()
    assert "Stalled" in world.conditions()


async def test_an_api_server_outage_writes_no_status():
    world = World()
    await world.serve()
    world.cluster.outage = Unavailable("KubernetesUnavailable", "the API server does not answer")
    with pytest.raises(Unavailable):
        await world.reconcile()
    assert await world.resync() == []
    world.cluster.outage = None
    await world.reconcile()
    assert world.condition("Ready")["status"] == "True"


async def test_a_resource_deleted_during_its_reconciliation_is_harmless():
    world = World()
    world.registry.names(CHAMPION, "1")
    key = world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    original = world.registry.resolve

    async def vanish(reference, access):
        world.cluster.remove(key)
        return await original(reference, access)

    world.registry.resolve = vanish
    await world.reconcile()
    assert world.cluster.resources == {}


async def test_an_internal_error_is_reported_as_unknown_and_raised():
    world = World()
    await world.serve()

    async def broken(reference, access):
        raise ZeroDivisionError

    world.registry.resolve = broken
    world.clock.advance(60)
    with pytest.raises(ZeroDivisionError):
        await world.reconcile()
    assert world.condition("Ready")["status"] == "Unknown"
    assert world.condition("Available")["status"] == "True"
    assert "ZeroDivision" not in json.dumps(world.status())
    [measured] = world.metrics.by_resource.values()
    assert measured["Ready"] == "Unknown"
    assert (world.metrics.reconciles[-1], world.metrics.resolves[-1]) == ("error", "error")


async def test_workers_survive_every_error_and_retry():
    world = World()
    await world.serve()

    async def broken(reference, access):
        raise ZeroDivisionError

    world.registry.resolve = broken
    world.clock.advance(60)
    await world.core.workers.reconcile(Ref(KIND, "demo", "iris"))
    world.cluster.outage = Unavailable("KubernetesUnavailable", "down")
    await world.core.workers.reconcile(Ref(KIND, "demo", "iris"))
    assert world.metrics.reasons[-2:] == ["InternalError", "KubernetesUnavailable"]


async def test_a_rejected_model_is_not_reconciled_again_before_a_change():
    world = World()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    world.registry.outage = ModelRejected("VersionNotFound", "no such version")
    assert await world.reconcile() == Next()


async def test_the_conditions_that_are_measured_are_those_of_the_status_and_no_older_ones():
    world = World()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    world.registry.outage = ModelRejected("VersionNotFound", "no such version")
    await world.reconcile()
    [measured] = world.metrics.by_resource.values()
    assert measured == {type_: one["status"] for type_, one in world.conditions().items()}
    assert measured["Stalled"] == "True"
    assert (world.metrics.reconciles, world.metrics.resolves) == (["model_rejected"], ["model_rejected"])
    world.registry.outage = None
    world.clock.advance(60)
    await world.serve()
    [measured] = world.metrics.by_resource.values()
    assert "Stalled" not in measured


async def test_the_queue_and_the_last_resync_are_measured():
    world = World()
    await world.serve()
    assert (world.metrics.queue_depth(), world.metrics.last_resync) == (0, None)
    world.core.queue.add(Ref(KIND, "demo", "iris"))
    assert world.metrics.queue_depth() == 1
    await world.resync()
    assert world.metrics.last_resync == world.clock.now()


@pytest.mark.parametrize("reason", ["Forbidden", "KubernetesUnavailable", "InternalError"])
async def test_a_pod_cannot_give_a_reason_that_only_the_operator_has(reason: str):
    """Such a reason would page who runs the operator; and anything in a pod can write the message."""
    world = World()
    await world.serve()
    words = {"class": "Denied", "stage": "load", "reason": reason, "cause": "the cause", "cure": "the cure"}
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": json.dumps(words)}}
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 2})
    await world.reconcile()
    world.cluster.start_rolling("iris", containerStatuses=[{"name": "serve", "state": state}])
    world.metrics.reasons.clear()
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "ContainerFailed"
    assert "the cause; the cure" in world.condition("Ready")["message"]
    assert world.metrics.reasons == ["ContainerFailed"]


STORED = {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}}
STORE_KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


async def test_an_operator_without_a_registry_serves_models_that_need_none():
    world = World(registry_url="")
    world.cluster.secrets["demo", "store"] = STORE_KEYS
    await world.serve(**STORED)
    assert world.condition("Ready")["reason"] == "Serving"


async def test_an_operator_without_a_registry_keeps_a_suspended_model_that_needs_none():
    world = World(registry_url="")
    world.cluster.secrets["demo", "store"] = STORE_KEYS
    await world.serve(**STORED)
    world.cluster.create("iris", {**STORED, "suspend": True})
    await world.reconcile()
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("Ready")["reason"] == "Suspended"
    assert world.status()["observedGeneration"] == 2


async def test_an_operator_without_a_registry_says_so_for_a_reference_that_needs_one():
    world = World(registry_url="")
    for suspend in (False, True):
        world.cluster.create(f"iris-{suspend}".lower(), {"model": {"uri": CHAMPION}, "suspend": suspend})
    await world.reconcile("iris-false")
    await world.reconcile("iris-true")
    assert world.condition("Stalled", "iris-false")["reason"] == "RegistryMissing"
    assert world.condition("Ready", "iris-true")["reason"] == "Suspended"


@pytest.mark.parametrize("suspend", [False, True])
async def test_a_model_keeps_serving_and_is_repaired_after_the_registry_setting_is_removed(suspend: bool):
    world = World()
    await world.serve(suspend=False)
    world.settings = world.settings.model_copy(update={"registry_url": ""})
    world.restart_operator()
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 3, "suspend": suspend})
    await world.reconcile()
    assert world.status()["observedGeneration"] == 2
    assert world.cluster.child("Deployment", "iris")["spec"]["replicas"] == 3
    assert world.serving() == "iris/1"
    assert world.condition("Available")["status"] == "True"
    expected = "Suspended" if suspend else "RegistryMissing"
    assert world.condition("Ready")["reason"] == expected
    assert world.condition("Stalled")["reason"] == expected


async def test_a_resync_without_a_registry_still_lists_and_queues():
    world = World(registry_url="")
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    assert await world.resync() == [Ref(KIND, "demo", "iris")]


async def test_a_kept_pin_in_a_store_that_this_operator_cannot_read_is_reported():
    world = World()
    await world.serve(suspend=False)
    for pin in world.status()["model"].values():
        pin["location"] = "gs://models/iris"  # as a newer operator may have resolved it
    world.cluster.create("iris", {"model": {"uri": CHAMPION}, "suspend": True})
    await world.reconcile()
    assert world.condition("Stalled")["reason"] == "UnsupportedStore"
    assert world.status()["observedGeneration"] == 2


@pytest.mark.parametrize("reason", ["QuotaExceeded", "AdmissionDenied"])
async def test_an_object_denied_by_quota_or_policy_stalls_until_allowed(reason: str):
    world = World()
    world.registry.names(CHAMPION, "1")
    world.cluster.create("iris", {"model": {"uri": CHAMPION}})
    world.cluster.refuse_apply = InvalidSpec(reason, "in the words of the quota or policy")
    await world.reconcile()
    assert world.condition("Stalled")["reason"] == reason
    assert world.metrics.reasons == [reason]
    world.cluster.refuse_apply = None
    assert await world.resync()
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "RollingOut"
