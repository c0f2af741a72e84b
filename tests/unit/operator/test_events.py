"""Events: each transition once, nothing at steady state."""

from dataclasses import replace
from datetime import UTC, datetime

from davit_operator.domain.errors import ModelRejected, Waiting
from davit_operator.domain.pin import Pin
from davit_operator.modeldeployment.events import choose_events
from davit_operator.modeldeployment.rollout import Rollout, not_deployed
from davit_operator.modeldeployment.status import Report, TrackReport, build_status
from davit_registry.resolved import ResolvedModel
from davit_resource.v1alpha1 import ModelDeploymentStatus, ReplicasStatus

PIN = Pin(
    ResolvedModel(uri="models:/iris@a", registry="", location="s3://b", name="iris", version="1"), "sha256:1"
)
READY = Rollout(ReplicasStatus(desired=1, total=1, ready=1, updated=1), frozenset({PIN.fingerprint}))
REPORT = Report(
    generation=1,
    now=datetime(2026, 11, 21, tzinfo=UTC),
    uri="models:/iris@a",
    tracks=(TrackReport("stable", PIN, READY),),
)
NOTHING = ModelDeploymentStatus()


def reasons(before, after):
    return [(note.type, note.reason) for note in choose_events(before, after)]


def test_a_first_rollout_posts_events_when_resolved_and_when_done():
    begun = build_status(NOTHING, replace(REPORT, tracks=(TrackReport("stable", PIN, not_deployed(1)),)))
    assert reasons(NOTHING, begun) == [("Normal", "Resolved")]
    assert reasons(begun, build_status(begun, REPORT)) == [("Normal", "RolledOut")]


def test_a_steady_state_posts_no_event():
    ready = build_status(NOTHING, REPORT)
    assert reasons(ready, build_status(ready, REPORT)) == []


def test_a_problem_posts_one_event():
    ready = build_status(NOTHING, REPORT)
    refusal = replace(REPORT, resolution=ModelRejected("AliasNotFound", "no such alias"))
    refused = build_status(ready, refusal)
    assert reasons(ready, refused) == [("Warning", "AliasNotFound")]
    assert reasons(refused, build_status(refused, refusal)) == []


def test_waiting_posts_no_warning():
    ready = build_status(NOTHING, REPORT)
    waiting = replace(READY, problem=Waiting("PodsNotReady", "0/1"))
    assert (
        reasons(ready, build_status(ready, replace(REPORT, tracks=(TrackReport("stable", PIN, waiting),))))
        == []
    )
