"""The state of a rollout, judged from a Deployment and its pods."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from davit_resource import constants
from davit_resource.objects import Object
from davit_resource.v1alpha1 import ReplicasStatus

from davit_operator.domain.errors import DavitError, ModelRejected, Waiting
from davit_operator.domain.pin import Pin
from davit_operator.workload.diagnosis import diagnose_pods, is_live, is_ready, pin_of, revision_of


@dataclass(frozen=True, slots=True)
class Rollout:
    """The state of the pods of a track.

    Attributes:
        replicas: Numbers of pods.
        answering: Fingerprints of the pins that ready pods serve.
        problem: Why the rollout is not complete; None when it is complete.
    """

    replicas: ReplicasStatus = field(default_factory=ReplicasStatus)
    answering: frozenset[str] = frozenset()
    problem: DavitError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every pod is ready and of the current template, and no other pod is left."""
        return self.problem is None


def not_deployed(desired: int) -> Rollout:
    """Return the state before the Deployment exists."""
    replicas = ReplicasStatus(desired=desired, summary=f"0/{desired}")
    return Rollout(replicas, problem=Waiting("NotDeployed", "no pods have been created yet"))


def needs_pods(deployment: Object) -> bool:
    """Return whether `judge_rollout` needs the pods in addition to the Deployment."""
    return not _is_complete(deployment)


def template_runs(deployment: Object, pin: Pin, image: str) -> bool:
    """Return whether the pods of a Deployment are of this pin and have a container of this image."""
    containers = deployment["spec"]["template"]["spec"].get("containers") or []
    images = {container.get("image") for container in containers}
    return _template_label(deployment, constants.PIN_LABEL) == pin.fingerprint and image in images


def judge_rollout(deployment: Object, pods: Sequence[Object]) -> Rollout:
    """Judge a rollout. Pods matter only while it is not complete."""
    replicas = _count(deployment)
    if _is_complete(deployment):
        answering = {_template_label(deployment, constants.PIN_LABEL)} if replicas.ready else set()
        return Rollout(replicas, frozenset(answering))
    live = [pod for pod in pods if is_live(pod)]
    return Rollout(
        replicas=replicas,
        answering=frozenset(pin_of(pod) for pod in live if is_ready(pod)),
        problem=_find_problem(deployment, live, replicas),
    )


def _count(deployment: Object) -> ReplicasStatus:
    status = deployment.get("status") or {}
    desired, ready = _desired(deployment), status.get("readyReplicas", 0)
    return ReplicasStatus(
        desired=desired,
        total=status.get("replicas", 0),
        ready=ready,
        updated=status.get("updatedReplicas", 0),
        summary=f"{ready}/{desired}",
    )


def _is_complete(deployment: Object) -> bool:
    status, desired = deployment.get("status") or {}, _desired(deployment)
    counts = (status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas"))
    return _is_observed(deployment) and all(count == desired for count in counts)


def _is_observed(deployment: Object) -> bool:
    """Return whether the Deployment's status is of its current generation."""
    observed = (deployment.get("status") or {}).get("observedGeneration", 0)
    return bool(observed >= deployment["metadata"]["generation"])


def _desired(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _find_problem(deployment: Object, pods: Sequence[Object], replicas: ReplicasStatus) -> DavitError:
    """Diagnose the new pods first, then the Deployment; problems of old pods do not count."""
    if not _is_observed(deployment):
        return _in_progress(deployment, replicas)
    revision = _template_label(deployment, constants.REVISION_LABEL)
    new = [pod for pod in pods if revision_of(pod) == revision]
    problem = diagnose_pods(new) or _not_created(deployment) or _paused(deployment)
    if problem and not isinstance(problem, Waiting):
        return problem
    if _condition(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return _timed_out(deployment, problem)
    return problem or _in_progress(deployment, replicas)


def _in_progress(deployment: Object, replicas: ReplicasStatus) -> Waiting:
    annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    model = annotations.get(constants.MODEL_ANNOTATION)
    if _is_observed(deployment) and replicas.updated == replicas.desired == replicas.total:
        return Waiting("PodsNotReady", f"{replicas.summary} pods of {model} are ready")
    return Waiting(
        "RollingOut",
        f"rolling out {model}: {replicas.updated} of {replicas.desired} pods are new, "
        f"{replicas.ready} old and new ones are ready",
    )


def _timed_out(deployment: Object, problem: DavitError | None) -> ModelRejected:
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    why = problem.message if problem else "the pods report no reason; check kubectl describe and kubectl logs"
    return ModelRejected("RolloutTimedOut", f"no progress within {seconds} seconds: {why}")


def _not_created(deployment: Object) -> Waiting | None:
    failure = _condition(deployment, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    return Waiting(
        "PodsNotCreated",
        f"pods cannot be created: {failure.get('message', 'no reason given')}; "
        "check the quota, the limit ranges and the pod security level of the namespace",
    )


def _paused(deployment: Object) -> Waiting | None:
    if not deployment["spec"].get("paused"):
        return None
    name = deployment["metadata"]["name"]
    cure = f"kubectl rollout resume deployment/{name}"
    return Waiting("RolloutPaused", f"Deployment {name} is paused, so no pod is replaced: {cure}")


def _condition(deployment: Object, type_: str) -> Object:
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return next((dict(condition) for condition in conditions if condition["type"] == type_), {})


def _template_label(deployment: Object, label: str) -> str:
    return str((deployment["spec"]["template"]["metadata"].get("labels") or {}).get(label, ""))
