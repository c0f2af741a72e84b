"""What pods say about why they are not ready."""

import json

import pytest
from davit_operator.domain.errors import Denied, InvalidSpec, ModelRejected, Unavailable, Waiting
from davit_operator.workload.diagnosis import diagnose_pod, diagnose_pods, is_live

WORDS = {
    "stage": "fetch",
    "reason": "DigestMismatch",
    "cause": "2 files changed",
    "cure": "register them anew.",
}


def pod(name="iris-1", ready=False, conditions=(), **status):
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {"metadata": {"name": name}, "status": {"conditions": [condition, *conditions], **status}}


def container(name="serve", state=None, last=None, **fields):
    return {"name": name, "state": state or {}, "lastState": last or {}, "image": "i:1", **fields}


def ended(code=1, reason="Error", message=""):
    return {"terminated": {"exitCode": code, "reason": reason, "message": message}}


def waiting(reason, message=""):
    return {"waiting": {"reason": reason, "message": message}}


def test_a_ready_pod_has_no_problem():
    restarted = container(last=ended(reason="OOMKilled"), ready=True)
    assert diagnose_pod(pod(ready=True, containerStatuses=[restarted])) is None


def test_a_starting_pod_has_no_problem():
    assert diagnose_pod(pod(initContainerStatuses=[container("fetch", {"running": {}})])) is None


def test_the_termination_message_gives_stage_reason_cause_and_cure():
    problem = diagnose_pod(pod(initContainerStatuses=[container("fetch", ended(message=json.dumps(WORDS)))]))
    assert isinstance(problem, ModelRejected)
    assert problem.reason == "DigestMismatch"
    assert problem.message == "fetch failed in container fetch: 2 files changed; register them anew"


def test_the_message_stays_while_the_container_restarts():
    message = ended(message=json.dumps(WORDS))
    states = [ended(message=json.dumps(WORDS)), waiting("CrashLoopBackOff", "back-off 10s"), {"running": {}}]
    said = {
        diagnose_pod(pod(initContainerStatuses=[container("fetch", state, message)])).message
        for state in states
    }
    assert len(said) == 1


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ("InvalidSpec", InvalidSpec),
        ("Waiting", Waiting),
        ("Unavailable", Unavailable),
        ("Denied", Denied),
        ("ModelRejected", ModelRejected),
    ],
)
def test_the_class_in_the_message_decides_the_error(failure, kind):
    words = json.dumps({**WORDS, "reason": "Unheard", "class": failure})
    assert type(diagnose_pod(pod(containerStatuses=[container(state=ended(message=words))]))) is kind


def test_out_of_memory_names_the_limit_to_raise():
    killed = container(last=ended(137, "OOMKilled"), resources={"limits": {"memory": "1Gi"}})
    problem = diagnose_pod(pod(containerStatuses=[killed]))
    assert problem.reason == "OutOfMemory"
    assert "than its limit of 1Gi: raise spec.resources.limits.memory" in problem.message


def test_out_of_memory_is_recognized_without_the_limit_in_the_status():
    problem = diagnose_pod(pod(containerStatuses=[container(last=ended(137, "OOMKilled"))]))
    assert "than its limit: raise spec.resources.limits.memory" in problem.message


def test_a_container_without_a_message_points_to_its_log():
    problem = diagnose_pod(pod(containerStatuses=[container(state=ended(3))]))
    assert problem.reason == "ContainerFailed"
    assert "exit code 3" in problem.message
    assert "kubectl logs iris-1 -c serve --previous" in problem.message


def test_exit_code_0_is_no_failure_without_a_message():
    assert diagnose_pod(pod(containerStatuses=[container(last=ended(0, "Completed"))])) is None
    problem = diagnose_pod(
        pod(containerStatuses=[container(last=ended(0, "Completed", message=json.dumps(WORDS)))])
    )
    assert problem.reason == "DigestMismatch"


@pytest.mark.parametrize("message", ["not json", "[]", '{"stage": "load"}', "null", '"text"'])
def test_a_foreign_termination_message_is_not_repeated(message):
    problem = diagnose_pod(pod(containerStatuses=[container(state=ended(1, message=message))]))
    assert problem.reason == "ContainerFailed"


def test_an_image_pull_failure_has_one_message_in_every_phase():
    problems = [
        diagnose_pod(pod(containerStatuses=[container(state=waiting(reason, "varies"))]))
        for reason in ("ErrImagePull", "ImagePullBackOff")
    ]
    assert {problem.message for problem in problems} == {problems[0].message}
    assert all(isinstance(problem, Waiting) and problem.reason == "ImagePullFailed" for problem in problems)
    assert "spec.imagePullSecrets" in problems[0].message


def test_an_invalid_image_name_is_rejected():
    problem = diagnose_pod(pod(containerStatuses=[container(state=waiting("InvalidImageName"))]))
    assert (type(problem), problem.reason) == (InvalidSpec, "ImageNameInvalid")
    assert "correct spec.image" in problem.message


def test_a_missing_secret_is_reported_with_the_kubelets_message():
    state = waiting("CreateContainerConfigError", 'secret "store" not found')
    problem = diagnose_pod(pod(initContainerStatuses=[container("fetch", state)]))
    assert problem.reason == "ContainerNotStarted"
    assert 'secret "store" not found' in problem.message


def test_an_unschedulable_pod_is_reported_with_the_schedulers_message():
    unscheduled = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: no cpu."}
    problem = diagnose_pod(pod(conditions=[unscheduled]))
    assert problem.reason == "Unschedulable"
    assert "0/1 nodes are available: no cpu; add or free nodes" in problem.message


def test_the_most_severe_problem_is_reported():
    slow = pod("a", containerStatuses=[container(state=waiting("ErrImagePull"))])
    broken = pod("b", containerStatuses=[container(state=ended(1))])
    assert diagnose_pods([slow, broken]).reason == "ContainerFailed"


def test_permanent_problems_are_reported_before_temporary_ones():
    def says(failure):
        return container(
            state=ended(message=json.dumps({**WORDS, "reason": f"New{failure}", "class": failure}))
        )

    classes = ["Waiting", "Unavailable", "Denied", "ModelRejected", "InvalidSpec"]
    pods = [pod(str(number), containerStatuses=[says(one)]) for number, one in enumerate(classes)]
    for number, failure in enumerate(classes):
        assert diagnose_pods(pods[: number + 1]).reason == f"New{failure}"


def test_of_equal_problems_the_first_by_pod_name_is_reported():
    pods = [pod(name, containerStatuses=[container(state=ended(1))]) for name in ("b", "a")]
    assert "logs a -c" in diagnose_pods(pods).message
    assert diagnose_pods(pods).message == diagnose_pods(pods[::-1]).message


def test_finished_and_deleted_pods_do_not_count():
    assert not is_live({"metadata": {"deletionTimestamp": "now"}, "status": {}})
    assert not is_live({"metadata": {}, "status": {"phase": "Failed"}})
    assert is_live({"metadata": {}, "status": {"phase": "Pending"}})
