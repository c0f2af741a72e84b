"""Everything that can go wrong, what the conditions say then, and that what serves goes on serving."""

import json

import pytest
from davit_operator.domain.errors import Denied, InvalidSpec, ModelRejected, Unavailable, Waiting
from davit_operator.modeldeployment.reconciler import Next
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from support.fakes.operator_harness import CHAMPION, OperatorHarness

OUTAGE = Unavailable("RegistryUnavailable", "the registry does not answer; check that it runs")


async def test_a_registry_outage_changes_nothing():
    harness = OperatorHarness()
    await harness.serve(replicas=2)
    ready, deployment = harness.condition("Ready"), harness.cluster.child("Deployment", "iris")
    harness.registry.outage = OUTAGE
    (key,) = await harness.resync()
    assert await harness.controller.reconcile(key) == Next(back_off=True)
    assert harness.condition("Ready") == ready
    assert harness.condition("ModelResolved")["status"] == "Unknown"
    assert harness.cluster.child("Deployment", "iris") == deployment
    assert harness.serving() == "iris/1"


async def test_a_long_outage_writes_once_when_it_begins_and_once_when_it_ends():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.writes.clear()
    harness.registry.outage = OUTAGE
    for _ in range(10):
        for key in await harness.resync():
            await harness.controller.reconcile(key)
    harness.registry.outage = None
    for _ in range(10):
        for key in await harness.resync():
            await harness.controller.reconcile(key)
    assert harness.cluster.writes == ["status", "status"]
    assert harness.condition("ModelResolved")["status"] == "True"


async def test_during_an_outage_drift_is_repaired_and_replicas_follow_the_spec():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.outage = OUTAGE
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 2})
    await harness.resync()
    await harness.reconcile()
    assert harness.cluster.child("Deployment", "iris")["spec"]["replicas"] == 2


async def test_an_operator_restart_during_an_outage_changes_nothing():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.outage = OUTAGE
    await harness.resync()
    await harness.reconcile()
    harness.restart_operator()
    harness.cluster.writes.clear()
    await harness.resync()
    await harness.reconcile()
    assert harness.cluster.writes == []


async def test_a_restart_in_the_middle_of_a_rollout_is_harmless():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    await harness.resync()
    await harness.reconcile()
    harness.cluster.start_rolling("iris")
    harness.restart_operator()
    harness.cluster.writes.clear()
    await harness.reconcile()
    assert "apply Deployment iris" not in harness.cluster.writes
    harness.cluster.roll_out("iris")
    await harness.reconcile()
    assert harness.serving() == "iris/2"


async def test_a_store_outage_keeps_the_last_version():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    harness.store.outage = Unavailable("StoreUnavailable", "the store does not answer")
    await harness.resync()
    await harness.reconcile()
    assert harness.target() == "iris/1"
    assert harness.condition("Ready")["status"] == "True"
    assert harness.condition("ModelResolved")["reason"] == "StoreUnavailable"


async def test_a_missing_alias_names_the_cure_while_the_old_version_serves():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.models.clear()
    (key,) = await harness.resync()
    await harness.controller.reconcile(key)
    assert harness.condition("Ready")["status"] == "False"
    assert harness.condition("Ready")["reason"] == "AliasNotFound"
    assert "set it in MLflow" in harness.condition("Ready")["message"]
    assert "(iris/1 keeps serving)" in harness.condition("Ready")["message"]
    assert harness.condition("Available")["status"] == "True"
    assert "Stalled" in harness.conditions()


async def test_an_alias_that_appears_later_is_found_by_the_resync():
    harness = OperatorHarness()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "AliasNotFound"
    harness.registry.names(CHAMPION, "1")
    (key,) = await harness.resync()
    await harness.controller.reconcile(key)
    assert harness.target() == "iris/1"


async def test_an_invalid_reference_is_rejected_with_the_six_valid_forms():
    harness = OperatorHarness()
    harness.cluster.create("iris", {"model": {"uri": "models:/iris"}})
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "InvalidReference"
    assert harness.condition("Ready")["message"].startswith("spec.model.uri: ")
    assert "models:/NAME@ALIAS" in harness.condition("Ready")["message"]
    assert "Stalled" in harness.conditions()


async def test_an_invalid_spec_keeps_the_serving_pods():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "canary": {}})
    harness.cluster.writes.clear()
    await harness.reconcile()
    assert harness.cluster.writes == ["status", "event"]
    assert harness.condition("Ready")["reason"] == "InvalidSpec"
    assert harness.condition("Available")["status"] == "True"
    assert harness.serving() == "iris/1"


async def test_failures_of_new_pods_are_reported_with_stage_cause_and_cure():
    harness = OperatorHarness()
    await harness.serve()
    harness.registry.names(CHAMPION, "2")
    await harness.resync()
    await harness.reconcile()
    words = {
        "stage": "fetch",
        "reason": "DigestMismatch",
        "cause": "MLmodel changed",
        "cure": "register it anew",
    }
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": json.dumps(words)}}
    harness.cluster.start_rolling("iris", initContainerStatuses=[{"name": "fetch", "state": state}])
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "DigestMismatch"
    assert (
        "fetch failed in container fetch: MLmodel changed; register it anew"
        in harness.condition("Ready")["message"]
    )
    assert harness.condition("Available")["status"] == "True"
    assert harness.serving() == "iris/1"


async def test_a_secret_that_does_not_exist_is_named_with_its_field():
    harness = OperatorHarness()
    spec = {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}}
    harness.cluster.create("iris", spec)
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "SecretMissing"
    assert "spec.model.storeSecretName names Secret demo/store" in harness.condition("Ready")["message"]


async def test_a_secret_without_the_keys_is_named_with_them():
    harness = OperatorHarness()
    harness.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id"}
    harness.cluster.create("iris", {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}})
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "SecretKeyMissing"
    assert "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" in harness.condition("Ready")["message"]


async def test_a_secret_that_is_created_later_is_found_by_the_resync():
    harness = OperatorHarness()
    harness.cluster.create("iris", {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}})
    await harness.reconcile()
    harness.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    await harness.resync()
    await harness.reconcile()
    assert harness.target().startswith("sha256:")


async def test_credentials_of_a_secret_reach_the_store_and_no_message():
    harness = OperatorHarness()
    harness.cluster.secrets["demo", "store"] = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    harness.store.outage = Denied("StoreDenied", "the store refuses us")
    harness.cluster.create("iris", {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}})
    await harness.reconcile()
    ((_, access),) = harness.store.listed
    assert access.values["AWS_SECRET_ACCESS_KEY"] == "hunter2"
    assert "hunter2" not in repr(access)
    assert "hunter2" not in json.dumps(harness.status())
    assert harness.condition("Ready")["reason"] == "StoreDenied"
    said = harness.condition("Ready")["message"]
    assert "credentials are those of Secret demo/store, which spec.model.storeSecretName names" in said


async def test_the_operators_credentials_never_go_to_a_registry_named_in_a_spec():
    harness = OperatorHarness(registry_username="operator", registry_password="hunter2")
    harness.cluster.create(
        "iris", {"model": {"uri": CHAMPION, "registry": {"url": "http://evil.example.org"}}}
    )
    await harness.reconcile()
    ((_, access),) = harness.registry.asked
    assert not access.has_credentials


async def test_a_registry_with_login_but_no_secret_for_pods_is_rejected_with_the_cure():
    harness = OperatorHarness(registry_username="operator", registry_password="hunter2")
    harness.registry.names(CHAMPION, "1")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "RegistrySecretRequired"
    assert "spec.model.registry.secretName is missing" in harness.condition("Ready")["message"]
    assert harness.cluster.children == {}


async def test_an_object_of_another_owner_is_reported_and_unchanged():
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "1")
    await harness.cluster.apply(
        {"kind": "Service", "metadata": {"namespace": "demo", "name": "iris"}, "spec": {"type": "ClusterIP"}}
    )
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    harness.cluster.writes.clear()
    await harness.reconcile()
    assert harness.cluster.writes == ["status", "event", "event"]
    assert harness.condition("Ready")["reason"] == "NameTaken"


async def test_children_of_a_deleted_resource_of_the_same_name_are_waited_for():
    harness = OperatorHarness()
    await harness.serve()
    (key,) = harness.cluster.resources
    del harness.cluster.resources[key]
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    assert (await harness.reconcile()).after is not None
    assert harness.condition("Ready")["reason"] == "OldObjectsTerminating"
    harness.cluster.children.clear()
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "RollingOut"


async def test_a_conflict_is_tried_again_soon():
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "1")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    harness.cluster.refuse_apply = Waiting("Conflict", "another writer changed it at the same time")
    assert (await harness.reconcile()).after is not None
    assert harness.condition("Ready")["reason"] == "Conflict"
    harness.cluster.refuse_apply = None
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "RollingOut"


async def test_an_object_that_kubernetes_rejects_is_an_invalid_spec():
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "1")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    harness.cluster.refuse_apply = InvalidSpec("RefusedByKubernetes", "Kubernetes refuses the object: limits")
    assert await harness.reconcile() == Next()
    assert "Stalled" in harness.conditions()


async def test_an_api_server_outage_writes_no_status():
    harness = OperatorHarness()
    await harness.serve()
    harness.cluster.outage = Unavailable("KubernetesUnavailable", "the API server does not answer")
    with pytest.raises(Unavailable):
        await harness.reconcile()
    assert await harness.resync() == []
    harness.cluster.outage = None
    await harness.reconcile()
    assert harness.condition("Ready")["status"] == "True"


async def test_a_resource_deleted_during_its_reconciliation_is_harmless():
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "1")
    key = harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    original = harness.registry.resolve

    async def vanish(reference, access):
        harness.cluster.remove(key)
        return await original(reference, access)

    harness.registry.resolve = vanish
    await harness.reconcile()
    assert harness.cluster.resources == {}


async def test_an_internal_error_is_reported_as_unknown_and_raised():
    harness = OperatorHarness()
    await harness.serve()

    async def broken(reference, access):
        raise ZeroDivisionError

    harness.registry.resolve = broken
    harness.clock.advance(60)
    with pytest.raises(ZeroDivisionError):
        await harness.reconcile()
    assert harness.condition("Ready")["status"] == "Unknown"
    assert harness.condition("Available")["status"] == "True"
    assert "ZeroDivision" not in json.dumps(harness.status())
    [measured] = harness.metrics.by_resource.values()
    assert measured["Ready"] == "Unknown"
    assert (harness.metrics.reconciles[-1], harness.metrics.resolves[-1]) == ("error", "error")


async def test_workers_survive_every_error_and_retry():
    harness = OperatorHarness()
    await harness.serve()

    async def broken(reference, access):
        raise ZeroDivisionError

    harness.registry.resolve = broken
    harness.clock.advance(60)
    await harness.core.workers.reconcile(Ref(KIND, "demo", "iris"))
    harness.cluster.outage = Unavailable("KubernetesUnavailable", "down")
    await harness.core.workers.reconcile(Ref(KIND, "demo", "iris"))
    assert harness.metrics.reasons[-2:] == ["InternalError", "KubernetesUnavailable"]


async def test_a_rejected_model_is_not_reconciled_again_before_a_change():
    harness = OperatorHarness()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    harness.registry.outage = ModelRejected("VersionNotFound", "no such version")
    assert await harness.reconcile() == Next()


async def test_the_conditions_that_are_measured_are_those_of_the_status_and_no_older_ones():
    harness = OperatorHarness()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    harness.registry.outage = ModelRejected("VersionNotFound", "no such version")
    await harness.reconcile()
    [measured] = harness.metrics.by_resource.values()
    assert measured == {type_: one["status"] for type_, one in harness.conditions().items()}
    assert measured["Stalled"] == "True"
    assert (harness.metrics.reconciles, harness.metrics.resolves) == (["model_rejected"], ["model_rejected"])
    harness.registry.outage = None
    harness.clock.advance(60)
    await harness.serve()
    [measured] = harness.metrics.by_resource.values()
    assert "Stalled" not in measured


async def test_the_queue_and_the_last_resync_are_measured():
    harness = OperatorHarness()
    await harness.serve()
    assert (harness.metrics.queue_depth(), harness.metrics.last_resync) == (0, None)
    harness.core.queue.add(Ref(KIND, "demo", "iris"))
    assert harness.metrics.queue_depth() == 1
    await harness.resync()
    assert harness.metrics.last_resync == harness.clock.now()


@pytest.mark.parametrize("reason", ["Forbidden", "KubernetesUnavailable", "InternalError"])
async def test_a_pod_cannot_give_a_reason_that_only_the_operator_has(reason: str):
    """Such a reason would page who runs the operator; and anything in a pod can write the message."""
    harness = OperatorHarness()
    await harness.serve()
    words = {"class": "Denied", "stage": "load", "reason": reason, "cause": "the cause", "cure": "the cure"}
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": json.dumps(words)}}
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 2})
    await harness.reconcile()
    harness.cluster.start_rolling("iris", containerStatuses=[{"name": "serve", "state": state}])
    harness.metrics.reasons.clear()
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "ContainerFailed"
    assert "the cause; the cure" in harness.condition("Ready")["message"]
    assert harness.metrics.reasons == ["ContainerFailed"]


STORED = {"model": {"uri": "s3://models/iris", "storeSecretName": "store"}}
STORE_KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}


async def test_an_operator_without_a_registry_serves_models_that_need_none():
    harness = OperatorHarness(registry_url="")
    harness.cluster.secrets["demo", "store"] = STORE_KEYS
    await harness.serve(**STORED)
    assert harness.condition("Ready")["reason"] == "Serving"


async def test_an_operator_without_a_registry_keeps_a_suspended_model_that_needs_none():
    harness = OperatorHarness(registry_url="")
    harness.cluster.secrets["demo", "store"] = STORE_KEYS
    await harness.serve(**STORED)
    harness.cluster.create("iris", {**STORED, "suspend": True})
    await harness.reconcile()
    assert harness.condition("Ready")["status"] == "True"
    assert harness.condition("Ready")["reason"] == "Suspended"
    assert harness.status()["observedGeneration"] == 2


async def test_an_operator_without_a_registry_says_so_for_a_reference_that_needs_one():
    harness = OperatorHarness(registry_url="")
    for suspend in (False, True):
        harness.cluster.create(f"iris-{suspend}".lower(), {"model": {"uri": CHAMPION}, "suspend": suspend})
    await harness.reconcile("iris-false")
    await harness.reconcile("iris-true")
    assert harness.condition("Stalled", "iris-false")["reason"] == "RegistryMissing"
    assert harness.condition("Ready", "iris-true")["reason"] == "Suspended"


@pytest.mark.parametrize("suspend", [False, True])
async def test_a_model_keeps_serving_and_is_repaired_after_the_registry_setting_is_removed(suspend: bool):
    harness = OperatorHarness()
    await harness.serve(suspend=False)
    harness.settings = harness.settings.model_copy(update={"registry_url": ""})
    harness.restart_operator()
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "replicas": 3, "suspend": suspend})
    await harness.reconcile()
    assert harness.status()["observedGeneration"] == 2
    assert harness.cluster.child("Deployment", "iris")["spec"]["replicas"] == 3
    assert harness.serving() == "iris/1"
    assert harness.condition("Available")["status"] == "True"
    expected = "Suspended" if suspend else "RegistryMissing"
    assert harness.condition("Ready")["reason"] == expected
    assert harness.condition("Stalled")["reason"] == expected


async def test_a_resync_without_a_registry_still_lists_and_queues():
    harness = OperatorHarness(registry_url="")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    assert await harness.resync() == [Ref(KIND, "demo", "iris")]


async def test_a_kept_pin_in_a_store_that_this_operator_cannot_read_is_reported():
    harness = OperatorHarness()
    await harness.serve(suspend=False)
    for pin in harness.status()["model"].values():
        pin["location"] = "gs://models/iris"  # as a newer operator may have resolved it
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}, "suspend": True})
    await harness.reconcile()
    assert harness.condition("Stalled")["reason"] == "UnsupportedStore"
    assert harness.status()["observedGeneration"] == 2


@pytest.mark.parametrize("reason", ["QuotaExceeded", "AdmissionDenied"])
async def test_an_object_denied_by_quota_or_policy_stalls_until_allowed(reason: str):
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "1")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    harness.cluster.refuse_apply = InvalidSpec(reason, "in the words of the quota or policy")
    await harness.reconcile()
    assert harness.condition("Stalled")["reason"] == reason
    assert harness.metrics.reasons == [reason]
    harness.cluster.refuse_apply = None
    assert await harness.resync()
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "RollingOut"
