"""The one function that every cause ends in: create, update, child event, alias move, resync."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from davit_resource import constants
from davit_resource.objects import Object, Ref
from davit_resource.v1alpha1 import ModelDeploymentSpec, ModelDeploymentStatus, Resource, parse_resource

from davit_operator.domain.errors import DavitError, Denied, InvalidSpec, Unavailable, Waiting
from davit_operator.domain.kinds import POD
from davit_operator.domain.objects import Child, child_of
from davit_operator.domain.ports import Clock, Cluster, Metrics
from davit_operator.engine.controller import Next
from davit_operator.engine.ownership import is_surplus
from davit_operator.engine.plan import Plan, make_plan
from davit_operator.modeldeployment.events import choose_events
from davit_operator.modeldeployment.parts import Part, build_track, children_of
from davit_operator.modeldeployment.rollout import Rollout, judge_rollout, needs_pods, not_deployed
from davit_operator.modeldeployment.spec import read_spec
from davit_operator.modeldeployment.status import (
    Report,
    TrackReport,
    blocking_problem,
    build_crashed_status,
    build_status,
)
from davit_operator.modeldeployment.tracks import ChooseGoals
from davit_operator.models.pinning import Pinner
from davit_operator.models.pins import pin_from_status
from davit_operator.models.route import Platform, choose_route
from davit_operator.workload import naming
from davit_operator.workload.blueprint import Blueprint, ServerImage, TrackGoal

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 5.0
"""How soon something in progress is looked at again, in case its event is lost."""


class Reconciler:
    """Brings the cluster to what a ModelDeployment wants, and reports.

    It keeps nothing between two calls. The caller sees to it that no two run for one object at a time.

    Args:
        cluster: Kubernetes.
        pinner: References to pins.
        clock: Time.
        metrics: What is counted.
        platform: What the operator's settings offer.
        image: The image of pods whose spec names none.
        parts: What a track consists of.
        choose_goals: Which tracks there are.
    """

    def __init__(
        self,
        cluster: Cluster,
        pinner: Pinner,
        clock: Clock,
        metrics: Metrics,
        platform: Platform,
        image: ServerImage,
        parts: Sequence[Part],
        choose_goals: ChooseGoals,
    ) -> None:
        self._cluster = cluster
        self._pinner = pinner
        self._clock = clock
        self._metrics = metrics
        self._platform = platform
        self._image = image
        self._parts = parts
        self._choose_goals = choose_goals

    async def reconcile(self, ref: Ref) -> Next:
        """Reconciles one ModelDeployment.

        Raises:
            Unavailable: The API server does not answer; nothing was reported.
            Denied: The API server refuses a read or the report.
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
            report = await self._carry_out(resource)
        except DavitError:
            raise
        except Exception:
            await self._report_crash(resource)
            raise
        problem = await self._report(resource, report)
        seconds = (self._clock.now() - started).total_seconds()
        self._metrics.reconciled(type(problem).__name__ if problem else "Ready", seconds)
        return _choose_next(problem, report)

    async def _carry_out(self, resource: Resource) -> Report:
        try:
            spec = read_spec(resource)
        except InvalidSpec as unreadable:
            return await self._unreadable(resource, unreadable)
        choice = await self._pinner.choose(resource, spec)
        goals = self._choose_goals(spec, choice.target) if choice.target else ()
        live = await self._observe(resource, goals)
        problem = await self._act(resource, spec, goals, live)
        return Report(
            generation=resource.generation,
            now=self._now(),
            uri=spec.model.uri,
            tracks=await self._judge_tracks(resource.ref, live, goals, spec.replicas),
            resolution=choice.resolution,
            problem=problem,
            endpoint=naming.endpoint(resource.ref, spec.service.port),
            selector=naming.selector_text(naming.all_tracks_labels(resource.ref.name)),
            follows=not spec.suspend,
            target_is_current=choice.is_current,
        )

    async def _observe(self, resource: Resource, goals: Sequence[TrackGoal]) -> dict[Child, Object]:
        """What bears the names of our tracks, whoever it belongs to, and what other tracks left behind."""
        ref = resource.ref
        tracks = [goal.name for goal in goals] or [constants.STABLE]
        named = [child for track in tracks for child in children_of(ref.name, track, self._parts)]
        found = await self._list_children(ref)
        missing = [child for child in named if child not in found]
        got = await asyncio.gather(*(self._cluster.get_child(ref.namespace, child) for child in missing))
        live = {child: obj for child, obj in found.items() if child in named or is_surplus(obj, resource.uid)}
        return live | {child: obj for child, obj in zip(missing, got, strict=True) if obj is not None}

    async def _list_children(self, ref: Ref) -> dict[Child, Object]:
        selector = naming.all_tracks_labels(ref.name)
        kinds = [part.kind for part in self._parts]
        lists = await asyncio.gather(
            *(self._cluster.list_children(ref.namespace, kind, selector) for kind in kinds)
        )
        return {child_of(obj): obj for found in lists for obj in found}

    async def _unreadable(self, resource: Resource, problem: InvalidSpec) -> Report:
        """What serves goes on serving; nothing is changed for a spec that we cannot read."""
        stored = resource.status.model.target
        rollout = await self._judge(resource.ref, await self._observe(resource, ()), constants.STABLE, 0)
        return Report(
            generation=resource.generation,
            now=self._now(),
            uri="",
            tracks=(TrackReport(constants.STABLE, pin_from_status(stored) if stored else None, rollout),),
            problem=problem,
        )

    async def _act(
        self,
        resource: Resource,
        spec: ModelDeploymentSpec,
        goals: Sequence[TrackGoal],
        live: dict[Child, Object],
    ) -> DavitError | None:
        """Applies what differs and keeps `live` up to date; what stands in the way is returned."""
        if not goals:
            return None
        try:
            blueprints = [self._draw(resource, spec, goal) for goal in goals]
            wanted = [obj for blueprint in blueprints for obj in build_track(blueprint, self._parts)]
            plan = make_plan(wanted, live, resource.ref, resource.uid)
            await self._execute(resource.ref, plan, live)
        except (InvalidSpec, Waiting, Denied) as problem:
            return problem
        return None

    def _draw(self, resource: Resource, spec: ModelDeploymentSpec, goal: TrackGoal) -> Blueprint:
        return Blueprint(
            ref=resource.ref,
            uid=resource.uid,
            spec=spec,
            goal=goal,
            route=choose_route(goal.pin.source.location, spec.model, self._platform),
            image=self._image,
            ca_certificates=self._platform.ca_certificates,
        )

    async def _execute(self, ref: Ref, plan: Plan, live: dict[Child, Object]) -> None:
        for step in plan.apply:
            live[child_of(step.obj)] = await self._cluster.apply(step.obj)
            logger.info("Applied %s of %s: %s", child_of(step.obj), ref, step.reason)
        for step in plan.delete:
            await self._cluster.delete_child(step.obj)
            logger.info("Deleted %s of %s: %s", child_of(step.obj), ref, step.reason)

    async def _judge_tracks(
        self, ref: Ref, live: dict[Child, Object], goals: Sequence[TrackGoal], desired: int
    ) -> tuple[TrackReport, ...]:
        if not goals:
            rollout = await self._judge(ref, live, constants.STABLE, desired)
            return (TrackReport(constants.STABLE, None, rollout),)
        rollouts = [await self._judge(ref, live, goal.name, goal.replicas) for goal in goals]
        return tuple(
            TrackReport(goal.name, goal.pin, rollout) for goal, rollout in zip(goals, rollouts, strict=True)
        )

    async def _judge(self, ref: Ref, live: dict[Child, Object], track: str, desired: int) -> Rollout:
        name = naming.object_name(ref.name, track)
        deployment = live.get(Child("Deployment", name))
        if deployment is None:
            return not_deployed(desired)
        if not needs_pods(deployment):
            return judge_rollout(deployment, [])
        selector = naming.selector_labels(ref.name, track)
        return judge_rollout(deployment, await self._cluster.list_children(ref.namespace, POD, selector))

    async def _report(self, resource: Resource, report: Report) -> DavitError | None:
        status = build_status(resource.status, report)
        await self._write(resource, status)
        problem = blocking_problem(report)
        self._metrics.ready(resource.ref, ready=problem is None)
        if problem:
            self._metrics.failed(problem.reason)
        return problem

    async def _report_crash(self, resource: Resource) -> None:
        status = build_crashed_status(resource.status, resource.generation, self._now())
        self._metrics.reconciled("Crash", 0)
        self._metrics.ready(resource.ref, ready=False)
        await self._write(resource, status)

    def _now(self) -> datetime:
        """The present moment as Kubernetes stores moments: whole seconds."""
        return self._clock.now().replace(microsecond=0)

    async def _write(self, resource: Resource, status: ModelDeploymentStatus) -> None:
        """Writes the status if it differs, then posts what is new in it."""
        if status.to_json() == resource.body.get("status"):
            return
        await self._cluster.write_status(resource.body, status.to_json())
        for note in choose_events(resource.status, status):
            await self._cluster.post_event(resource.body, note)


def _choose_next(problem: DavitError | None, report: Report) -> Next:
    """Registry and pods have events and the resync of their own; only what has neither is waited for here."""
    if isinstance(problem, Waiting):
        return Next(after=LOOK_AGAIN_SECONDS)
    if isinstance(problem, Unavailable) or isinstance(report.resolution, Unavailable):
        return Next(back_off=True)
    return Next()
