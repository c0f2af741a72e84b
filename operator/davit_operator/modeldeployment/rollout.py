"""How far the pods are from what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from davit_resource import constants
from davit_resource.objects import Object
from davit_resource.v1alpha1 import ReplicasStatus

from davit_operator.domain.errors import DavitError, ModelRejected, Waiting
from davit_operator.workload.diagnosis import diagnose_pods, is_live, is_ready, pin_of, revision_of


@dataclass(frozen=True, slots=True)
class Rollout:
    """What the pods of a track do now.

    Attributes:
        replicas: How many there are.
        answering: Fingerprints of the pins that ready pods answer with.
        problem: What keeps the rollout from being complete; None when it is complete.
    """

    replicas: ReplicasStatus = field(default_factory=ReplicasStatus)
    answering: frozenset[str] = frozenset()
    problem: DavitError | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every pod is of the wanted template and ready, and no other pod is left."""
        return self.problem is None


def not_deployed(desired: int) -> Rollout:
    """Before there is a Deployment."""
    replicas = ReplicasStatus(desired=desired, summary=f"0/{desired}")
    return Rollout(replicas, problem=Waiting("NotDeployed", "no pods have been made yet"))


def needs_pods(deployment: Object) -> bool:
    """Whether the Deployment alone does not tell enough."""
    return not _is_complete(deployment)


def judge_rollout(deployment: Object, pods: Sequence[Object]) -> Rollout:
    """Judges a Deployment and its pods. Pods are looked at only while the rollout is not complete."""
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
    return _is_seen(deployment) and all(count == desired for count in counts)


def _is_seen(deployment: Object) -> bool:
    """Whether the Deployment's status speaks of its present spec."""
    seen = (deployment.get("status") or {}).get("observedGeneration", 0)
    return bool(seen >= deployment["metadata"]["generation"])


def _desired(deployment: Object) -> int:
    return int(deployment["spec"].get("replicas", 1))


def _find_problem(deployment: Object, pods: Sequence[Object], replicas: ReplicasStatus) -> DavitError:
    """Asks the new pods first, then the Deployment. What ails old pods is no reason against the new ones."""
    if not _is_seen(deployment):
        return _in_progress(deployment, replicas)
    revision = _template_label(deployment, constants.REVISION_LABEL)
    new = [pod for pod in pods if revision_of(pod) == revision]
    said = diagnose_pods(new) or _not_created(deployment) or _paused(deployment)
    if said and not isinstance(said, Waiting):
        return said
    if _condition(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return _timed_out(deployment, said)
    return said or _in_progress(deployment, replicas)


def _in_progress(deployment: Object, replicas: ReplicasStatus) -> Waiting:
    annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    model = annotations.get(constants.MODEL_ANNOTATION)
    if _is_seen(deployment) and replicas.updated == replicas.desired == replicas.total:
        return Waiting("PodsNotReady", f"{replicas.summary} pods of {model} are ready")
    return Waiting(
        "RollingOut",
        f"rolling out {model}: {replicas.updated} of {replicas.desired} pods are new, "
        f"{replicas.ready} old and new ones are ready",
    )


def _timed_out(deployment: Object, said: DavitError | None) -> ModelRejected:
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    why = said.message if said else "the pods give no reason; kubectl describe and kubectl logs may"
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
    return Waiting("RolloutPaused", f"somebody paused Deployment {name}, so no pod is replaced: {cure}")


def _condition(deployment: Object, type_: str) -> Object:
    conditions = (deployment.get("status") or {}).get("conditions") or []
    return next((dict(condition) for condition in conditions if condition["type"] == type_), {})


def _template_label(deployment: Object, label: str) -> str:
    return str((deployment["spec"]["template"]["metadata"].get("labels") or {}).get(label, ""))
