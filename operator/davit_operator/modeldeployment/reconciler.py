"""The reconciler: one function for every cause (create, update, child event, moved alias, resync)."""

from collections.abc import Sequence
from datetime import datetime

from davit_resource import constants
from davit_resource.objects import Ref
from davit_resource.v1alpha1 import ModelDeploymentStatus, Resource, parse_resource

from davit_operator.domain import outcomes
from davit_operator.domain.errors import DavitError, InvalidSpec, Unavailable, Waiting
from davit_operator.domain.ports import Clock, Cluster, Metrics
from davit_operator.engine.controller import Next
from davit_operator.modeldeployment.events import choose_events
from davit_operator.modeldeployment.live_tracks import Live, LiveTracks
from davit_operator.modeldeployment.spec import read_spec
from davit_operator.modeldeployment.status import (
    Report,
    TrackReport,
    blocking_problem,
    build_crashed_status,
    build_status,
)
from davit_operator.modeldeployment.targets import Targets
from davit_operator.models.pins import pin_from_status
from davit_operator.workload import naming
from davit_operator.workload.blueprint import TrackGoal

REQUEUE_SECONDS = 5.0
"""Delay until a rollout in progress is checked again, in case its event is lost."""


class Reconciler:
    """Brings the cluster to the state that a ModelDeployment declares, and writes its status.

    It holds no state between calls. The caller must not run two reconciliations of one object at a time.

    Args:
        cluster: Reads ModelDeployments, writes their statuses and posts Events.
        targets: Selects what the tracks shall serve.
        tracks: Reads and writes the objects of tracks.
        clock: Current time.
        metrics: Counts reconciliations and failures.
    """

    def __init__(
        self,
        cluster: Cluster,
        targets: Targets,
        tracks: LiveTracks,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._targets = targets
        self._tracks = tracks
        self._clock = clock
        self._metrics = metrics

    async def reconcile(self, ref: Ref) -> Next:
        """Reconcile one ModelDeployment.

        Raises:
            Unavailable: The API server does not answer; the status was not written.
            Denied: The API server denies a read or the write of the status.
            Waiting: The status could not be written because another writer changed the resource.
        """
        body = await self._cluster.get_resource(ref)
        if body is None:
            self._metrics.forget(ref)
            return Next()
        resource = parse_resource(body)
        if resource.deleting:
            return Next()
        started = self._clock.now()
        try:
            report = await self._reconcile(resource)
        except DavitError:
            raise
        except Exception:
            self._metrics.reconciled(outcomes.ERROR, self._seconds_since(started))
            await self._report_crash(resource)
            raise
        problem = await self._report(resource, report)
        outcome = outcomes.of_problem(problem) if problem else outcomes.READY
        self._metrics.reconciled(outcome, self._seconds_since(started))
        return _choose_next(problem, report)

    async def _reconcile(self, resource: Resource) -> Report:
        try:
            spec = read_spec(resource)
        except InvalidSpec as unreadable:
            return await self._report_unreadable_spec(resource, unreadable)
        chosen = await self._targets.select(resource, spec)
        applied = () if chosen.holds else chosen.goals
        problem = await self._tracks.apply(resource, spec, applied, chosen.live)
        return Report(
            generation=resource.generation,
            now=self._now(),
            uri=spec.model.uri,
            tracks=await self._judge(resource, chosen.live, chosen.goals, spec.replicas),
            resolution=chosen.choice.resolution,
            problem=chosen.problem or problem,
            endpoint=naming.endpoint(resource.ref, spec.service.port),
            selector=naming.selector_text(naming.all_tracks_labels(resource.ref.name)),
            follows=not spec.suspend,
            target_is_current=chosen.choice.is_current,
            rejected=chosen.rejected,
            environment=chosen.environment,
        )

    async def _report_unreadable_spec(self, resource: Resource, problem: InvalidSpec) -> Report:
        """Report an unreadable spec without changing any object, so that the current pin keeps serving."""
        stored = resource.status.model.target
        pin = pin_from_status(stored) if stored else None
        live = await self._tracks.observe(resource, ())
        return Report(
            generation=resource.generation,
            now=self._now(),
            uri="",
            tracks=(await self._tracks.judge(resource.ref, live, constants.STABLE, pin, desired=0),),
            problem=problem,
        )

    async def _judge(
        self, resource: Resource, live: Live, goals: Sequence[TrackGoal], desired: int
    ) -> tuple[TrackReport, ...]:
        """Judge every track; before the first pin is known only the stable one, which has no pods yet."""
        judge = self._tracks.judge
        if not goals:
            return (await judge(resource.ref, live, constants.STABLE, None, desired),)
        return tuple([await judge(resource.ref, live, one.name, one.pin, one.replicas) for one in goals])

    async def _report(self, resource: Resource, report: Report) -> DavitError | None:
        status = build_status(resource.status, report)
        await self._write(resource, status)
        problem = blocking_problem(report)
        if problem:
            self._metrics.failed(problem.reason)
        return problem

    async def _report_crash(self, resource: Resource) -> None:
        status = build_crashed_status(resource.status, resource.generation, self._now())
        await self._write(resource, status)

    def _seconds_since(self, started: datetime) -> float:
        return (self._clock.now() - started).total_seconds()

    def _now(self) -> datetime:
        """Return the current time in whole seconds, as Kubernetes stores it."""
        return self._clock.now().replace(microsecond=0)

    async def _write(self, resource: Resource, status: ModelDeploymentStatus) -> None:
        """Write the status if it differs, then post Events for its transitions."""
        self._metrics.conditions(resource.ref, status.conditions)
        if status.to_json() == resource.body.get("status"):
            return
        await self._cluster.write_status(resource.body, status.to_json())
        for note in choose_events(resource.status, status):
            await self._cluster.post_event(resource.body, note)


def _choose_next(problem: DavitError | None, report: Report) -> Next:
    """Choose when to reconcile again: watches and the resync cover everything else."""
    if isinstance(problem, Waiting):
        return Next(after=REQUEUE_SECONDS)
    unchecked = report.environment.problem if report.environment else None
    if any(isinstance(one, Unavailable) for one in (problem, report.resolution, unchecked)):
        return Next(back_off=True)
    return Next()
