"""What wakes a reconciliation, and what does not."""

import asyncio
import http.client
from datetime import timedelta

import pytest
from davit_operator.domain.kinds import owner_annotation
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue
from davit_operator.handlers.children import handle_child_event
from davit_operator.handlers.probes import Probes, serve_probes
from davit_operator.handlers.resources import handle_resource_event
from davit_operator.handlers.resync import run_resync
from davit_operator.handlers.watches import build_registry, build_settings
from davit_operator.modeldeployment.parts import describe_kind
from davit_resource import constants
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from support.fakes.ports import FakeClock

DESCRIBED = describe_kind()
OWNER = {"kind": "ModelDeployment", "name": "iris", "uid": "u"}


@pytest.fixture
def queue():
    return WorkQueue()


@pytest.fixture
def liveness():
    return Liveness(FakeClock().now(), timedelta(minutes=3))


def event(type_, generation=1, **metadata):
    known = {"namespace": "demo", "name": "iris", "uid": "u", "generation": generation}
    return {"type": type_, "object": {"metadata": {**known, **metadata}}}


async def taken(queue):
    key = await queue.get()
    queue.done(key)
    return key


async def test_a_new_generation_is_queued(queue, liveness):
    handle_resource_event(event("ADDED"), DESCRIBED.kind, queue, liveness)
    assert await taken(queue) == Ref(KIND, "demo", "iris")
    handle_resource_event(event("MODIFIED", 2), DESCRIBED.kind, queue, liveness)
    assert await taken(queue) == Ref(KIND, "demo", "iris")


async def test_a_status_write_queues_nothing(queue, liveness):
    handle_resource_event(event("ADDED"), DESCRIBED.kind, queue, liveness)
    await taken(queue)
    handle_resource_event(event("MODIFIED"), DESCRIBED.kind, queue, liveness)
    assert len(queue) == 0


async def test_a_deletion_is_queued_so_that_its_metrics_are_removed(queue, liveness):
    handle_resource_event(event("DELETED"), DESCRIBED.kind, queue, liveness)
    assert len(queue) == 1


@pytest.mark.parametrize(
    "metadata",
    [
        {"ownerReferences": [OWNER]},
        {"ownerReferences": [], "annotations": {owner_annotation("ModelDeployment"): "iris"}},
        {
            "ownerReferences": [{"kind": "ReplicaSet", "name": "x"}],
            "annotations": {owner_annotation("ModelDeployment"): "iris"},
        },
    ],
    ids=["by its owner", "by its annotation", "a pod"],
)
def test_a_changed_child_queues_its_owner(queue, metadata):
    handle_child_event(event("MODIFIED", **metadata), [DESCRIBED], queue)
    assert len(queue) == 1


def test_children_of_the_initial_listing_queue_nothing(queue):
    handle_child_event(event(None, ownerReferences=[OWNER]), [DESCRIBED], queue)
    assert len(queue) == 0


def test_a_foreign_object_queues_nothing(queue):
    handle_child_event(
        event("MODIFIED", ownerReferences=[{"kind": "Other", "name": "x"}]), [DESCRIBED], queue
    )
    assert len(queue) == 0


def test_kopf_gets_no_handler_that_writes(queue, liveness):
    registry = build_registry([DESCRIBED], queue, liveness)
    assert len(registry._watching.get_all_handlers()) == 1 + len(DESCRIBED.children)
    assert not registry._changing.get_all_handlers()  # would annotate
    assert not registry._spawning.get_all_handlers()  # would add a finalizer
    settings = build_settings([DESCRIBED], ())
    assert settings.peering.standalone
    assert not settings.posting.enabled


def test_children_are_watched_by_our_label_only():
    selectors = build_settings([DESCRIBED], ()).watching.label_selectors
    assert {
        tuple(selectors[child.group, child.version, child.plural].split("=")) for child in DESCRIBED.children
    } == {(constants.MANAGED_BY_LABEL, constants.MANAGED_BY)}


def test_named_namespaces_need_no_cluster_wide_permission():
    assert build_settings([DESCRIBED], ("demo",)).scanning.disabled
    assert not build_settings([DESCRIBED], ()).scanning.disabled


def test_kopf_runs_the_handlers_that_it_is_given(queue, liveness):
    (handler,) = [
        one
        for one in build_registry([DESCRIBED], queue, liveness)._watching.get_all_handlers()
        if one.selector.any_name == constants.PLURAL
    ]
    assert handler.fn(event=event("ADDED"), body={}) is None
    assert len(queue) == 1


class CountingResync:
    def __init__(self):
        self.rounds = 0
        self.went_round = asyncio.Event()

    async def run_once(self):
        self.rounds += 1
        self.went_round.set()
        if self.rounds == 1:
            raise ZeroDivisionError


async def test_the_resync_continues_after_an_error(caplog):
    resync = CountingResync()
    task = asyncio.create_task(run_resync(resync, timedelta(0)))
    await asyncio.wait_for(resync.went_round.wait(), 5)
    resync.went_round.clear()
    await asyncio.wait_for(resync.went_round.wait(), 5)
    task.cancel()
    assert resync.rounds >= 2
    assert "Unexpected error" in caplog.text


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, body


async def test_probes_report_health_readiness_and_metrics():
    said = {"unhealthy_reason": None, "ready": False}
    probes = Probes(
        lambda: said["unhealthy_reason"], lambda: said["ready"], lambda: b"davit_operator_build_info 1\n"
    )
    async with serve_probes(probes, 0) as port:
        assert await asyncio.to_thread(ask, port, "/healthz") == (200, "ok\n")
        assert (await asyncio.to_thread(ask, port, "/readyz"))[0] == 503
        assert await asyncio.to_thread(ask, port, "/metrics") == (200, "davit_operator_build_info 1\n")
        assert (await asyncio.to_thread(ask, port, "/other"))[0] == 404
        said.update(unhealthy_reason="no resync has completed", ready=True)
        assert await asyncio.to_thread(ask, port, "/healthz") == (503, "no resync has completed\n")
        assert await asyncio.to_thread(ask, port, "/readyz?verbose") == (200, "ok\n")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.to_thread(ask, port, "/healthz")


async def test_an_error_in_a_probe_is_answered_and_logged(caplog):
    def broken():
        raise ZeroDivisionError

    async with serve_probes(Probes(broken, lambda: True, lambda: b""), 0) as port:
        assert (await asyncio.to_thread(ask, port, "/healthz"))[0] == 500
    assert "ZeroDivisionError" in caplog.text
