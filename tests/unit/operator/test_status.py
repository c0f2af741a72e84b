"""The status: every kind of problem and what it does to the conditions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from davit_operator.domain.environment import EnvironmentCheck
from davit_operator.domain.errors import Denied, InvalidSpec, ModelRejected, Unavailable, Waiting
from davit_operator.domain.pin import Pin
from davit_operator.modeldeployment.rollout import Rollout, not_deployed
from davit_operator.modeldeployment.status import Report, TrackReport, build_crashed_status, build_status
from davit_registry.resolved import ResolvedModel
from davit_resource.v1alpha1 import ModelDeploymentStatus, ReplicasStatus
from support.schemas.conditions import check_status

NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
URI = "models:/iris@champion"


def pin(version):
    source = ResolvedModel(
        uri=URI, registry="http://r", location=f"s3://b/{version}", name="iris", version=version
    )
    return Pin(source, f"sha256:{version}")


V1, V2 = pin("1"), pin("2")


def rolled_out(what, count=2):
    return Rollout(
        ReplicasStatus(desired=count, total=count, ready=count, updated=count, summary=f"{count}/{count}"),
        frozenset({what.fingerprint}) if count else frozenset(),
    )


def rolling(*answering, problem=None):
    replicas = ReplicasStatus(desired=2, total=3, ready=2 if answering else 0, updated=1, summary="2/2")
    problem = problem or Waiting("RollingOut", "rolling out iris/2")
    return Rollout(replicas, frozenset(one.fingerprint for one in answering), problem)


def report(target=V1, rollout=None, **changes):
    stable = TrackReport("stable", target, rollout or rolled_out(V1))
    base = Report(
        generation=3,
        now=NOW,
        uri=URI,
        tracks=(stable,),
        endpoint="http://iris.demo.svc",
        environment=EnvironmentCheck("Unknown", "Unchecked", "the image has no manifest"),
    )
    return replace(base, **changes)


def build(what, before=None, generation=3):
    before = before or ModelDeploymentStatus()
    after = build_status(before, what)
    check_status({"metadata": {"generation": generation}}, before.to_json(), after.to_json())
    return after


def conditions(status):
    return {one.type: (one.status, one.reason) for one in status.conditions}


def test_a_complete_rollout_is_ready_and_available():
    status = build(report())
    assert conditions(status) == {
        "Available": ("True", "Answering"),
        "ModelResolved": ("True", "Resolved"),
        "EnvironmentReady": ("Unknown", "Unchecked"),
        "Ready": ("True", "Serving"),
    }
    assert status.condition("Ready").message == "all pods serve iris/1"
    assert status.condition("Available").message == "iris/1 answers at http://iris.demo.svc"
    assert status.model.serving.label == "iris/1"


def test_a_first_rollout_is_reconciling_and_neither_ready_nor_available():
    status = build(report(rollout=not_deployed(1)))
    assert conditions(status) == {
        "Available": ("False", "NoReadyPods"),
        "ModelResolved": ("True", "Resolved"),
        "EnvironmentReady": ("Unknown", "Unchecked"),
        "Ready": ("False", "NotDeployed"),
        "Reconciling": ("True", "NotDeployed"),
    }


def test_a_new_version_moves_the_target_at_once_and_serving_when_all_pods_are_new():
    first = build(report())
    second = build(report(target=V2, rollout=rolling(V1)), first)
    assert (second.model.target.label, second.model.serving.label) == ("iris/2", "iris/1")
    assert conditions(second)["Available"] == ("True", "Answering")
    third = build(report(target=V2, rollout=rolling(V1, V2)), second)
    assert third.model.serving.label == "iris/1"
    fourth = build(report(target=V2, rollout=rolled_out(V2)), third)
    assert fourth.model.serving.label == "iris/2"


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (InvalidSpec("NameTaken", "spec: taken"), "Stalled"),
        (ModelRejected("DigestMismatch", "changed"), "Stalled"),
        (Waiting("Conflict", "later"), "Reconciling"),
        (Denied("Forbidden", "refused"), None),
    ],
)
def test_problems_while_applying_set_the_conditions(problem, kind):
    status = build(report(problem=problem))
    assert conditions(status)["Ready"] == ("False", problem.reason)
    assert conditions(status).get(kind or "Stalled") == (("True", problem.reason) if kind else None)
    assert conditions(status)["Available"] == ("True", "Answering")


@pytest.mark.parametrize("kind", [ModelRejected, InvalidSpec, Denied])
def test_a_reference_that_names_nothing_is_not_ready_while_the_old_version_serves(kind):
    status = build(
        report(resolution=kind("AliasNotFound", "no such alias; set it in MLflow")), build(report())
    )
    assert conditions(status)["ModelResolved"] == ("False", "AliasNotFound")
    assert conditions(status)["Ready"] == ("False", "AliasNotFound")
    assert conditions(status)["Available"] == ("True", "Answering")
    assert status.condition("Ready").message == "no such alias; set it in MLflow (iris/1 keeps serving)"
    assert status.model.target.label == "iris/1"


def test_an_outage_leaves_ready_as_it_is():
    before = build(report())
    status = build(report(resolution=Unavailable("RegistryUnavailable", "no answer")), before)
    assert conditions(status)["ModelResolved"] == ("Unknown", "RegistryUnavailable")
    assert status.condition("Ready") == before.condition("Ready")
    assert status.condition("Available") == before.condition("Available")


def test_an_outage_with_changing_errors_keeps_its_first_message():
    refused = Unavailable("RegistryUnreachable", "no answer (ConnectError)")
    late = Unavailable("RegistryUnreachable", "no answer in time")
    first = build(report(resolution=refused), build(report()))
    assert build(report(resolution=late), first).to_json() == first.to_json()
    edited = build(report(resolution=late, generation=4), first, generation=4)
    assert edited.condition("ModelResolved").message == "no answer in time"


def test_an_outage_before_anything_was_resolved_is_reconciling():
    outage = Unavailable("RegistryUnavailable", "no answer")
    status = build(report(target=None, rollout=not_deployed(1), resolution=outage, target_is_current=False))
    assert conditions(status)["Ready"] == ("False", "RegistryUnavailable")
    assert conditions(status)["Reconciling"] == ("True", "RegistryUnavailable")


def test_an_outage_after_the_reference_was_edited_is_not_ready():
    outage = Unavailable("RegistryUnavailable", "no answer")
    status = build(report(resolution=outage, target_is_current=False), build(report()))
    assert conditions(status)["Ready"] == ("False", "RegistryUnavailable")
    assert conditions(status)["Available"] == ("True", "Answering")


def test_pods_that_reject_the_model_stall_while_the_old_version_serves():
    rejected = ModelRejected("SmokeTestFailed", "smoke-test failed")
    status = build(report(target=V2, rollout=rolling(V1, problem=rejected)), build(report()))
    assert conditions(status)["Ready"] == ("False", "SmokeTestFailed")
    assert conditions(status)["Stalled"] == ("True", "SmokeTestFailed")
    assert status.condition("Ready").message == "smoke-test failed (iris/1 keeps serving)"


def test_scaled_to_zero_is_ready_and_not_available():
    status = build(report(rollout=rolled_out(V1, 0)))
    assert conditions(status)["Ready"] == ("True", "ScaledToZero")
    assert conditions(status)["Available"] == ("False", "ScaledToZero")
    assert status.model.serving is None


def test_suspension_keeps_what_is_ready_ready():
    status = build(report(follows=False), build(report()))
    assert conditions(status)["Ready"] == ("True", "Suspended")
    assert conditions(status)["ModelResolved"] == ("True", "Suspended")


def test_suspension_with_an_edited_reference_is_not_ready():
    status = build(report(follows=False, target_is_current=False, uri="models:/iris/9"), build(report()))
    assert conditions(status)["Ready"] == ("False", "Suspended")
    assert "models:/iris/9 is not followed" in status.condition("Ready").message


def test_suspension_before_anything_was_resolved_says_so():
    status = build(report(follows=False, target=None, target_is_current=False, rollout=not_deployed(1)))
    assert conditions(status)["Ready"] == ("False", "Suspended")
    assert conditions(status)["ModelResolved"] == ("Unknown", "Suspended")


def test_transition_times_change_only_with_the_status():
    first = build(report(rollout=not_deployed(1)))
    second = build(report(rollout=rolling(), now=NOW + timedelta(minutes=1)), first)
    assert second.condition("Ready").last_transition_time == NOW
    third = build(report(now=NOW + timedelta(minutes=2)), second)
    assert third.condition("Ready").last_transition_time == NOW + timedelta(minutes=2)


def test_an_unchanged_report_gives_an_equal_status():
    before = build(report())
    assert build(report(now=NOW + timedelta(hours=1)), before).to_json() == before.to_json()


def test_the_history_holds_the_last_ten_versions_newest_first():
    status = ModelDeploymentStatus()
    for number in range(1, 14):
        version = pin(str(number))
        status = build(report(target=version, rollout=rolled_out(version)), status)
    assert [entry.label for entry in status.history] == [f"iris/{number}" for number in range(13, 3, -1)]


def test_a_restarting_pod_adds_nothing_to_the_history():
    first = build(report())
    second = build(report(rollout=rolling()), first)
    third = build(report(), second)
    assert second.model.serving is None
    assert len(third.history) == 1


def test_a_rollback_is_recorded_in_the_history():
    status = build(report())
    status = build(report(target=V2, rollout=rolled_out(V2)), status)
    status = build(report(), status)
    assert [entry.label for entry in status.history] == ["iris/1", "iris/2", "iris/1"]


def test_an_internal_error_changes_only_ready_to_unknown():
    before = build(report())
    after = build_crashed_status(before, 3, NOW + timedelta(minutes=1))
    check_status({"metadata": {"generation": 3}}, before.to_json(), after.to_json())
    assert conditions(after)["Ready"] == ("Unknown", "InternalError")
    assert after.condition("Available") == before.condition("Available")
    assert after.model == before.model


def test_an_internal_error_at_the_first_reconciliation_leaves_everything_unknown():
    after = build_crashed_status(ModelDeploymentStatus(), 1, NOW)
    check_status({"metadata": {"generation": 1}}, {}, after.to_json())
    assert {status for status, _ in conditions(after).values()} == {"Unknown"}
