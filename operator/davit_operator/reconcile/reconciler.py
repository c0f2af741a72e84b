"""The one function that every cause ends in: create, update, child event, alias move, resync."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from davit_operator.api import constants
from davit_operator.api.v1alpha1 import ModelDeploymentSpec, ModelDeploymentStatus, Resource, parse_resource
from davit_operator.desired import naming
from davit_operator.desired.blueprint import Blueprint, ServerImage
from davit_operator.desired.track import build_track, children_of
from davit_operator.domain.errors import DavitError, Denied, InvalidSpec, ModelRejected, Unavailable, Waiting
from davit_operator.domain.objects import Child, Key, Object, child_of
from davit_operator.domain.pin import Pin
from davit_operator.domain.ports import Clock, Cluster, Metrics
from davit_operator.planning.events import choose_events
from davit_operator.planning.pins import pin_from_status
from davit_operator.planning.plan import Plan, make_plan
from davit_operator.planning.rollout import Rollout, judge_rollout, needs_pods, not_deployed
from davit_operator.planning.route import Platform, choose_route
from davit_operator.planning.status import Report, blocking_problem, build_crashed_status, build_status
from davit_operator.reconcile.pinning import Pinner

logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 5.0
"""How soon something in progress is looked at again, in case its event is lost."""


@dataclass(frozen=True, slots=True)
class Next:
    """When to look again without a cause from outside.

    Attributes:
        after: Seconds; None for not at all.
        back_off: Later each time in a row.
    """

    after: float | None = None
    back_off: bool = False


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
    """

    def __init__(
        self,
        cluster: Cluster,
        pinner: Pinner,
        clock: Clock,
        metrics: Metrics,
        platform: Platform,
        image: ServerImage,
    ) -> None:
        self._cluster = cluster
        self._pinner = pinner
        self._clock = clock
        self._metrics = metrics
        self._platform = platform
        self._image = image

    async def reconcile(self, key: Key) -> Next:
        """Reconciles one ModelDeployment.

        Raises:
            Unavailable: The API server does not answer; nothing was reported.
            Denied: The API server refuses a read or the report.
        """
        body = await self._cluster.get_model_deployment(key)
        if body is None:
            self._metrics.forget(key)
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
        live = await self._observe(resource.key)
        try:
            spec = resource.parse_spec()
        except InvalidSpec as unreadable:
            return await self._unreadable(resource, live, unreadable)
        choice = await self._pinner.choose(resource, spec)
        problem = await self._act(resource, spec, choice.target, live)
        return Report(
            generation=resource.generation,
            now=self._now(),
            uri=spec.model.uri,
            target=choice.target,
            rollout=await self._judge(resource.key, live, spec.replicas),
            resolution=choice.resolution,
            problem=problem,
            endpoint=naming.endpoint(resource.key, spec.service.port),
            selector=naming.selector_text(naming.pod_selector(resource.key.name)),
            follows=not spec.suspend,
            target_is_current=choice.is_current,
        )

    async def _observe(self, key: Key) -> dict[Child, Object]:
        children = children_of(key.name, constants.STABLE)
        found = await asyncio.gather(*(self._cluster.get_child(key.namespace, child) for child in children))
        return {child: obj for child, obj in zip(children, found, strict=True) if obj is not None}

    async def _unreadable(
        self, resource: Resource, live: dict[Child, Object], problem: InvalidSpec
    ) -> Report:
        """What serves goes on serving; nothing is changed for a spec that we cannot read."""
        stored = resource.status.model.target
        return Report(
            generation=resource.generation,
            now=self._now(),
            uri="",
            target=pin_from_status(stored) if stored else None,
            rollout=await self._judge(resource.key, live, desired=0),
            problem=problem,
        )

    async def _act(
        self, resource: Resource, spec: ModelDeploymentSpec, target: Pin | None, live: dict[Child, Object]
    ) -> DavitError | None:
        """Applies what differs and keeps `live` up to date; what stands in the way is returned."""
        if target is None:
            return None
        try:
            route = choose_route(target.source.location, spec.model, self._platform)
            blueprint = Blueprint(
                key=resource.key,
                uid=resource.uid,
                spec=spec,
                pin=target,
                route=route,
                image=self._image,
                track=constants.STABLE,
                ca_certificates=self._platform.ca_certificates,
            )
            plan = make_plan(build_track(blueprint), live, resource.key, resource.uid)
            await self._execute(resource.key, plan, live)
        except (InvalidSpec, ModelRejected, Waiting, Denied) as problem:
            return problem
        return None

    async def _execute(self, key: Key, plan: Plan, live: dict[Child, Object]) -> None:
        for step in plan.apply:
            live[child_of(step.obj)] = await self._cluster.apply(step.obj)
            logger.info("Applied %s of %s: %s", child_of(step.obj), key, step.reason)
        for step in plan.delete:
            await self._cluster.delete_child(step.obj)
            logger.info("Deleted %s of %s: %s", child_of(step.obj), key, step.reason)

    async def _judge(self, key: Key, live: dict[Child, Object], desired: int) -> Rollout:
        name = naming.object_name(key.name, constants.STABLE)
        deployment = live.get(Child("Deployment", name))
        if deployment is None:
            return not_deployed(desired)
        selector = naming.selector_labels(key.name, constants.STABLE)
        pods = await self._cluster.list_pods(key.namespace, selector) if needs_pods(deployment) else []
        return judge_rollout(deployment, pods)

    async def _report(self, resource: Resource, report: Report) -> DavitError | None:
        status = build_status(resource.status, report)
        await self._write(resource, status)
        problem = blocking_problem(report)
        self._metrics.ready(resource.key, ready=problem is None)
        if problem:
            self._metrics.failed(problem.reason)
        return problem

    async def _report_crash(self, resource: Resource) -> None:
        status = build_crashed_status(resource.status, resource.generation, self._now())
        self._metrics.reconciled("Crash", 0)
        self._metrics.ready(resource.key, ready=False)
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
