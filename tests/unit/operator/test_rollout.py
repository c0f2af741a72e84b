"""The state of a rollout, judged from a Deployment and its pods."""

import json

import pytest
from davit_operator.domain.errors import ModelRejected, Unavailable, Waiting
from davit_operator.modeldeployment.rollout import judge_rollout, needs_pods, not_deployed
from davit_resource import constants

TEMPLATE = {
    "metadata": {
        "labels": {constants.PIN_LABEL: "new-pin", constants.REVISION_LABEL: "new"},
        "annotations": {constants.MODEL_ANNOTATION: "iris/3"},
    }
}


def deployment(desired=2, observed=5, conditions=(), **counts):
    return {
        "metadata": {"generation": 5},
        "spec": {"replicas": desired, "template": TEMPLATE},
        "status": {"observedGeneration": observed, "conditions": list(conditions), **counts},
    }


def complete(count=2):
    return {"replicas": count, "updatedReplicas": count, "readyReplicas": count, "availableReplicas": count}


def pod(revision="new", ready=True, pin="new-pin", **status):
    labels = {constants.REVISION_LABEL: revision, constants.PIN_LABEL: pin}
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {"metadata": {"name": revision, "labels": labels}, "status": {"conditions": [condition], **status}}


def failed():
    state = {"terminated": {"exitCode": 1, "reason": "Error"}}
    return {"containerStatuses": [{"name": "serve", "state": state}]}


def test_a_rollout_with_all_pods_new_and_ready_is_complete():
    rollout = judge_rollout(deployment(**complete()), [])
    assert rollout.is_complete
    assert rollout.answering == {"new-pin"}
    assert rollout.replicas.summary == "2/2"


@pytest.mark.parametrize(
    "counts",
    [
        {**complete(), "observed": 4},
        {**complete(), "replicas": 3},
        {**complete(), "updatedReplicas": 1},
        {**complete(), "availableReplicas": 1},
        {},
    ],
    ids=["not seen yet", "an old pod is left", "an old pod serves", "one is not ready", "nothing yet"],
)
def test_any_missing_pod_makes_a_rollout_incomplete(counts):
    rollout = judge_rollout(deployment(**counts), [])
    assert isinstance(rollout.problem, Waiting)
    assert needs_pods(deployment(**counts))


def test_zero_replicas_are_complete_and_answer_nothing():
    rollout = judge_rollout(deployment(desired=0), [])
    assert rollout.is_complete
    assert rollout.answering == frozenset()


def test_without_a_deployment_nothing_is_deployed():
    rollout = not_deployed(2)
    assert rollout.problem.reason == "NotDeployed"
    assert rollout.replicas.summary == "0/2"


def test_a_rollout_in_progress_reports_its_progress():
    made = deployment(replicas=3, updatedReplicas=1, readyReplicas=2)
    rollout = judge_rollout(made, [pod("old", pin="old-pin"), pod("new", ready=False)])
    assert rollout.problem.reason == "RollingOut"
    assert "iris/3: 1 of 2 pods are new" in rollout.problem.message
    assert rollout.answering == {"old-pin"}


def test_pods_that_lost_readiness_are_reported_as_not_ready():
    made = deployment(replicas=2, updatedReplicas=2, readyReplicas=1, availableReplicas=1)
    assert judge_rollout(made, []).problem.reason == "PodsNotReady"


def test_a_failing_new_pod_gives_the_reason():
    rollout = judge_rollout(deployment(replicas=3, updatedReplicas=1), [pod(ready=False, **failed())])
    assert isinstance(rollout.problem, ModelRejected)


def test_a_failing_old_pod_is_ignored():
    rollout = judge_rollout(deployment(replicas=3, updatedReplicas=1), [pod("old", ready=False, **failed())])
    assert rollout.problem.reason == "RollingOut"


def test_an_exceeded_deadline_rejects_the_model_with_the_reason():
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    unscheduled = pod(ready=False)
    unscheduled["status"]["conditions"].append(
        {"type": "PodScheduled", "status": "False", "message": "no cpu"}
    )
    rollout = judge_rollout(deployment(replicas=1, conditions=[late]), [unscheduled])
    assert isinstance(rollout.problem, ModelRejected)
    assert rollout.problem.reason == "RolloutTimedOut"
    assert "no cpu" in rollout.problem.message


def test_an_outage_beyond_the_deadline_is_retried_and_not_stalled():
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    words = {
        "class": "Unavailable",
        "stage": "fetch",
        "reason": "StoreUnreachable",
        "cause": "a",
        "cure": "b",
    }
    ended = {"terminated": {"exitCode": 1, "message": json.dumps(words)}}
    failing = pod(ready=False, initContainerStatuses=[{"name": "fetch", "state": ended}])
    rollout = judge_rollout(deployment(replicas=1, conditions=[late]), [failing])
    assert (type(rollout.problem), rollout.problem.reason) == (Unavailable, "StoreUnreachable")


def test_pods_that_cannot_be_created_are_reported_with_the_quota():
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods=1"}
    rollout = judge_rollout(deployment(conditions=[failure]), [])
    assert rollout.problem.reason == "PodsNotCreated"
    assert "exceeded quota" in rollout.problem.message


def test_a_status_of_an_earlier_generation_is_ignored():
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    rollout = judge_rollout(deployment(observed=4, conditions=[late], **complete()), [])
    assert rollout.problem.reason == "RollingOut"


def test_a_paused_deployment_is_reported_with_the_resume_command():
    made = deployment(replicas=2, readyReplicas=2, availableReplicas=2)
    made["metadata"]["name"], made["spec"]["paused"] = "iris", True
    problem = judge_rollout(made, []).problem
    assert problem.reason == "RolloutPaused"
    assert "kubectl rollout resume deployment/iris" in problem.message
