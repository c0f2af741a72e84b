"""Another kind of resources: a controller of its own and one registration."""

import asyncio
from dataclasses import dataclass, field

import httpx
import pytest
from davit_operator.adapters.cluster_kubernetes import KubernetesCluster
from davit_operator.adapters.kubernetes_api import KubernetesApi
from davit_operator.adapters.permissions import list_permissions
from davit_operator.app import REGISTRATIONS, Registration
from davit_operator.domain.errors import Unavailable
from davit_operator.domain.kinds import POD, READ, CustomKind, Kind
from davit_operator.domain.objects import Child
from davit_operator.domain.ports import Cluster
from davit_operator.engine.controller import Next
from davit_operator.engine.plan import make_plan
from davit_operator.engine.queue import WorkQueue
from davit_operator.handlers.watches import build_registry
from davit_resource.objects import Object, Ref, ref_of
from support.fakes.kubernetes_client import OfflineClient
from support.fakes.operator_harness import CHAMPION, OperatorHarness
from support.fakes.ports import FakeClock

JOB = Kind("Job", "batch", "v1", "jobs", "predicts a batch")
BATCH = CustomKind(
    kind=Kind("BatchPrediction", "davit.dev", "v1alpha1", "batchpredictions", "what to predict", verbs=READ),
    children=(JOB, POD),
)
NIGHTLY = Ref("BatchPrediction", "demo", "nightly")


@dataclass
class BatchController:
    """Makes one Job for each BatchPrediction."""

    cluster: Cluster
    queue: WorkQueue
    kind: CustomKind = BATCH
    rounds: list[tuple[list[str], object]] = field(default_factory=list)

    async def reconcile(self, ref):
        body = await self.cluster.get_resource(ref)
        if body is None:
            return Next()
        live = await self.cluster.list_children(ref.namespace, JOB, {"davit.dev/batch": ref.name})
        plan = make_plan([self.job(body)], {}, ref, body["metadata"]["uid"])
        for step in plan.apply if not live else ():
            await self.cluster.apply(step.obj)
        return Next(after=60)

    async def resync(self, bodies, models=None):
        self.rounds.append(([body["metadata"]["name"] for body in bodies], models))
        for body in bodies:
            self.queue.add(ref_of(body))

    def job(self, body: Object) -> Object:
        metadata = body["metadata"]
        owner = {
            "kind": "BatchPrediction",
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
        }
        return {
            "apiVersion": JOB.api_version,
            "kind": JOB.name,
            "metadata": {
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "labels": {"davit.dev/batch": metadata["name"]},
                "annotations": {"davit.dev/batch-prediction": metadata["name"], "davit.dev/applied": "1"},
                "ownerReferences": [owner],
            },
            "spec": {},
        }


REGISTERED = (
    *REGISTRATIONS,
    Registration(BATCH, lambda shared: BatchController(shared.outside.cluster, shared.queue)),
)


@pytest.fixture
def harness():
    harness = OperatorHarness(REGISTERED)
    metadata = {"namespace": "demo", "name": "nightly", "uid": "b-1", "generation": 1}
    harness.cluster.resources[NIGHTLY] = {"kind": "BatchPrediction", "metadata": metadata, "spec": {}}
    return harness


def batches(harness):
    return harness.core.controllers[-1]


async def test_resources_are_reconciled_only_by_the_controller_of_their_kind(harness):
    await harness.serve()
    before = set(harness.cluster.children)
    await harness.core.workers.reconcile(NIGHTLY)
    assert set(harness.cluster.children) - before == {("demo", Child("Job", "nightly"))}
    await harness.reconcile()
    assert harness.condition("Ready")["status"] == "True"


async def test_two_resources_of_one_name_are_distinguished_by_kind(harness):
    harness.registry.names(CHAMPION, "1")
    harness.cluster.create("nightly", {"model": {"uri": CHAMPION}})
    await harness.reconcile("nightly")
    await harness.core.workers.reconcile(NIGHTLY)
    kinds = {child.kind for _, child in harness.cluster.children if child.name == "nightly"}
    assert kinds == {"Service", "Deployment", "Job"}


async def test_a_resync_lists_each_kind_for_its_controller(harness):
    await harness.serve()
    assert NIGHTLY in await harness.resync()
    assert batches(harness).rounds == [(["nightly"], None)]


async def test_changes_of_a_registered_model_reach_every_kind(harness):
    await harness.hint("iris")
    assert batches(harness).rounds == [(["nightly"], ("iris",))]


async def test_a_resource_that_is_being_deleted_is_left_out_of_resyncs(harness):
    harness.cluster.resources[NIGHTLY]["metadata"]["deletionTimestamp"] = "2026-11-21T08:00:00Z"
    await harness.resync()
    assert batches(harness).rounds == [([], None)]


async def test_a_kind_that_cannot_be_listed_does_not_stop_the_resync_of_others(harness):
    class OneIsMissing(type(harness.cluster)):
        async def list_resources(self, kind):
            if kind.name == "ModelDeployment":
                raise Unavailable("KubernetesUnavailable", "no answer")
            return await super().list_resources(kind)

    harness.cluster.__class__ = OneIsMissing
    await harness.resync()
    assert batches(harness).rounds == [(["nightly"], None)]
    assert harness.core.liveness.is_ready


async def test_events_of_a_resource_and_its_children_queue_it(harness):
    queue, liveness = harness.core.queue, harness.core.liveness
    registry = build_registry([one.kind for one in harness.core.controllers], queue, liveness)
    handlers = {one.selector.any_name: one.fn for one in registry._watching.get_all_handlers()}
    assert set(handlers) == {
        "modeldeployments",
        "services",
        "poddisruptionbudgets",
        "deployments",
        "batchpredictions",
        "jobs",
        "pods",
    }
    owned = {"namespace": "demo", "ownerReferences": [{"kind": "BatchPrediction", "name": "nightly"}]}
    annotated = {"namespace": "demo", "annotations": {"davit.dev/batch-prediction": "nightly"}}
    own = {"namespace": "demo", "name": "nightly", "uid": "b-1", "generation": 1}
    for plural, metadata in (("jobs", owned), ("pods", annotated), ("batchpredictions", own)):
        handlers[plural](event={"type": "MODIFIED", "object": {"metadata": metadata}})
        assert await asyncio.wait_for(queue.get(), 5) == NIGHTLY, plural
        queue.done(NIGHTLY)


async def test_the_adapter_and_the_permissions_cover_the_second_kind():
    paths = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        return httpx.Response(200, json={"items": []})

    kinds = [one.kind for one in REGISTERED]
    cluster = KubernetesCluster(KubernetesApi(OfflineClient(answer)), (), FakeClock(), kinds)
    await cluster.list_resources(BATCH.kind)
    await cluster.get_resource(NIGHTLY)
    assert paths == [
        "/apis/davit.dev/v1alpha1/batchpredictions",
        "/apis/davit.dev/v1alpha1/namespaces/demo/batchpredictions/nightly",
    ]
    allowed = {(one.resource, verb) for one in list_permissions(kinds) for verb in one.verbs}
    assert {("batchpredictions", "list"), ("batchpredictions/status", "patch"), ("jobs", "create")} <= allowed
