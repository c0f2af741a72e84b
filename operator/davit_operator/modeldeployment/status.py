"""The status of a ModelDeployment. This table is the only place that maps problems to conditions.

| problem | Ready | Reconciling | Stalled | ModelResolved |
|---|---|---|---|---|
| none | True | | | True |
| `Waiting` | False | True | | |
| `Unavailable` | as the pods are, with the last pin; else False | only without a pin | | Unknown |
| `Denied` | False | | | False when the registry or store refused |
| `InvalidSpec`, `ModelRejected` | False | | True | False when the reference was the cause |
| anything else, our bug | Unknown | | | |
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from davit_resource import conditions as c
from davit_resource.constants import HISTORY_LENGTH, STABLE
from davit_resource.v1alpha1 import (
    EnvironmentStatus,
    HistoryEntry,
    ModelDeploymentStatus,
    ModelStatus,
    PinStatus,
    TrackStatus,
)

from davit_operator.domain.environment import EnvironmentCheck
from davit_operator.domain.errors import DavitError, InvalidSpec, ModelRejected, Unavailable, Waiting
from davit_operator.domain.pin import Pin
from davit_operator.modeldeployment.rollout import Rollout
from davit_operator.models.pins import pin_from_status, pin_to_status

INTERNAL_ERROR = "InternalError"


@dataclass(frozen=True, slots=True)
class TrackReport:
    """Result of one reconciliation for one track.

    Attributes:
        name: The track.
        pin: The pin that its objects were built for, or None.
        rollout: The state of its pods.
    """

    name: str
    pin: Pin | None
    rollout: Rollout


@dataclass(frozen=True, slots=True)
class Report:
    """Result of one reconciliation.

    Attributes:
        generation: Generation of the spec that was read.
        now: Current time, in whole seconds.
        uri: The reference as written; empty when the spec cannot be read.
        tracks: One entry per track, always including the stable one.
        resolution: Why the reference could not be resolved; None when it was.
        problem: Another problem before or while applying objects; None without one.
        endpoint: URL for requests from inside the cluster.
        selector: Label selector of the pods of all tracks.
        follows: False while `spec.suspend` holds the pin.
        target_is_current: Whether `target` is the pin of the current spec, as far as is known.
        rejected: The pin that the reference names, where its environment keeps it from being the target.
        environment: How a model was compared with the image of the pods; None when there was none to compare.
    """

    generation: int
    now: datetime
    uri: str
    tracks: tuple[TrackReport, ...]
    resolution: DavitError | None = None
    problem: DavitError | None = None
    endpoint: str = ""
    selector: str = ""
    follows: bool = True
    target_is_current: bool = True
    rejected: Pin | None = None
    environment: EnvironmentCheck | None = None

    @property
    def target(self) -> Pin | None:
        """The pin that the stable track was built for."""
        return self._stable.pin

    @property
    def rollout(self) -> Rollout:
        """The state of the pods of the stable track, which decides whether the ModelDeployment is ready."""
        return self._stable.rollout

    @property
    def _stable(self) -> TrackReport:
        return next(track for track in self.tracks if track.name == STABLE)


def build_status(previous: ModelDeploymentStatus, report: Report) -> ModelDeploymentStatus:
    """Build the status to store; it equals the previous one when nothing changed."""
    report = _keep_first_outage_message(previous, report)
    target = pin_to_status(report.target, previous.model.target, report.now) if report.target else None
    serving = _choose_serving(previous.model, target, report)
    verdicts = [*_judge(report, serving), *_judge_environment(previous, report)]
    return ModelDeploymentStatus(
        observed_generation=report.generation,
        conditions=c.merge_conditions(previous.conditions, verdicts, report.generation, report.now),
        model=ModelStatus(target=target, serving=serving),
        environment=_environment(report.environment) if report.environment else previous.environment,
        replicas=report.rollout.replicas,
        tracks=_list_tracks(report.tracks),
        selector=report.selector or previous.selector,
        endpoint=report.endpoint or previous.endpoint,
        history=_continue_history(previous.history, serving, report),
    )


def _environment(check: EnvironmentCheck) -> EnvironmentStatus | None:
    if not check.key:
        return None
    return EnvironmentStatus(
        image=check.image, checked=check.key, differences=list(check.differences), notes=list(check.notes)
    )


def _judge_environment(previous: ModelDeploymentStatus, report: Report) -> Iterator[c.Verdict]:
    """Report the comparison; where nothing could be compared now, as it was reported before."""
    known = report.environment or previous.condition(c.ENVIRONMENT_READY)
    if known:
        yield c.Verdict(c.ENVIRONMENT_READY, known.status, known.reason, known.message)


def _list_tracks(tracks: Sequence[TrackReport]) -> list[TrackStatus]:
    """Return an entry per track; none for a single track, which the rest of the status describes."""
    if len(tracks) < 2:
        return []
    return [
        TrackStatus(
            name=track.name,
            label=track.pin.label if track.pin else "",
            digest=track.pin.digest if track.pin else "",
            replicas=track.rollout.replicas,
        )
        for track in tracks
    ]


def _keep_first_outage_message(previous: ModelDeploymentStatus, report: Report) -> Report:
    """Keep the first outage message: retries with different errors must not rewrite the status."""
    reported = previous.condition(c.MODEL_RESOLVED)
    problem = report.resolution
    if not isinstance(problem, Unavailable) or reported is None:
        return report
    same = (reported.observed_generation, reported.status, reported.reason) == (
        report.generation,
        "Unknown",
        problem.reason,
    )
    return replace(report, resolution=Unavailable(reported.reason, reported.message)) if same else report


def build_crashed_status(
    previous: ModelDeploymentStatus, generation: int, now: datetime
) -> ModelDeploymentStatus:
    """Build the status after an unexpected exception: only Ready changes, to Unknown."""
    ready = c.Verdict(
        c.READY,
        "Unknown",
        INTERNAL_ERROR,
        "internal error in the operator; retrying (traceback in the operator log)",
    )
    unknown = [c.Verdict(type_, "Unknown", INTERNAL_ERROR, ready.message) for type_ in c.ALWAYS_PRESENT]
    known = [
        c.Verdict(one.type, one.status, one.reason, one.message)
        for one in previous.conditions
        if one.type in {*c.ALWAYS_PRESENT, c.ENVIRONMENT_READY}
    ]
    verdicts = {verdict.type: verdict for verdict in [*unknown, *known, ready]}
    merged = c.merge_conditions(previous.conditions, verdicts.values(), generation, now)
    return previous.model_copy(update={"observed_generation": generation, "conditions": merged})


def _choose_serving(previous: ModelStatus, target: PinStatus | None, report: Report) -> PinStatus | None:
    """Choose the serving pin: the target once it is rolled out, else the previous one while it serves."""
    answering = report.rollout.answering
    candidates = [target, previous.serving] if report.rollout.is_complete else [previous.serving, target]
    return next((pin for pin in candidates if pin and pin_from_status(pin).fingerprint in answering), None)


def _continue_history(
    history: list[HistoryEntry], serving: PinStatus | None, report: Report
) -> list[HistoryEntry]:
    if serving is None or not report.rollout.is_complete:
        return history
    if history and (history[0].label, history[0].digest) == (serving.label, serving.digest):
        return history
    entry = HistoryEntry(**serving.model_dump(), serving_since=report.now)
    return [entry, *history][:HISTORY_LENGTH]


def blocking_problem(report: Report) -> DavitError | None:
    """Return why the ModelDeployment is not ready; None when it is ready.

    An outage of registry or store does not count while the last pin matches the spec.
    """
    if report.problem:
        return report.problem
    if isinstance(report.resolution, Unavailable) and report.target and report.target_is_current:
        return report.rollout.problem
    if report.resolution:
        return report.resolution
    if not report.follows and not report.target_is_current:
        return InvalidSpec(
            "Suspended",
            f"spec.suspend is true, so {report.uri} is not followed: set it to false to roll it out",
        )
    return report.rollout.problem


def _judge(report: Report, serving: PinStatus | None) -> Iterator[c.Verdict]:
    yield _judge_available(report, serving)
    yield _judge_resolved(report)
    problem = blocking_problem(report)
    if problem is None:
        yield _ready(report)
    else:
        yield c.Verdict(c.READY, "False", problem.reason, _message(problem, serving))
        yield from _judge_progress(problem)


def _judge_progress(problem: DavitError) -> Iterator[c.Verdict]:
    match problem:
        case Waiting() | Unavailable():
            yield c.Verdict(c.RECONCILING, "True", problem.reason, problem.message)
        case InvalidSpec() | ModelRejected():
            yield c.Verdict(c.STALLED, "True", problem.reason, problem.message)


def _ready(report: Report) -> c.Verdict:
    label = report.target.label if report.target else "nothing"
    if not report.follows:
        return c.Verdict(c.READY, "True", "Suspended", f"{label} stays while spec.suspend is true")
    if report.rollout.replicas.desired == 0:
        return c.Verdict(
            c.READY, "True", "ScaledToZero", f"spec.replicas is 0: {label} has no pods, as wanted"
        )
    return c.Verdict(c.READY, "True", "Serving", f"all pods serve {label}")


def _judge_available(report: Report, serving: PinStatus | None) -> c.Verdict:
    if report.rollout.replicas.ready and serving:
        where = f" at {report.endpoint}" if report.endpoint else ""
        return c.Verdict(c.AVAILABLE, "True", "Answering", f"{serving.label} answers{where}")
    if report.rollout.replicas.ready:
        return c.Verdict(c.AVAILABLE, "True", "Answering", "an earlier version answers")
    if report.rollout.is_complete and report.target:
        return c.Verdict(
            c.AVAILABLE, "False", "ScaledToZero", "spec.replicas is 0: nothing answers, as wanted"
        )
    return c.Verdict(c.AVAILABLE, "False", "NoReadyPods", "no pod is ready, so nothing answers")


def _judge_resolved(report: Report) -> c.Verdict:
    match report.resolution:
        case Unavailable() as problem:
            return c.Verdict(c.MODEL_RESOLVED, "Unknown", problem.reason, problem.message)
        case DavitError() as problem:
            return c.Verdict(c.MODEL_RESOLVED, "False", problem.reason, problem.message)
    pin = report.rejected or report.target
    if pin is None or not report.uri:
        reason = report.problem.reason if report.problem else "Suspended"
        return c.Verdict(c.MODEL_RESOLVED, "Unknown", reason, "the reference was not looked up")
    label, uri = pin.label, pin.source.uri
    if not report.follows:
        return c.Verdict(
            c.MODEL_RESOLVED, "True", "Suspended", f"{uri} was {label}; not followed while suspended"
        )
    return c.Verdict(c.MODEL_RESOLVED, "True", "Resolved", f"{uri} is {label}, {pin.digest}")


def _message(problem: DavitError, serving: PinStatus | None) -> str:
    keeps = serving is not None and not isinstance(problem, Waiting)
    return f"{problem.message} ({serving.label} keeps serving)" if keeps and serving else problem.message
