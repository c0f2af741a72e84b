"""The objects of tracks in the cluster: observe them, apply changes, and judge rollouts."""

import asyncio
import logging
from collections.abc import Sequence

from davit_resource import constants
from davit_resource.objects import Object, Ref
from davit_resource.v1alpha1 import ModelDeploymentSpec, Resource

from davit_operator.domain.errors import DavitError, Denied, InvalidSpec, ModelRejected, Waiting
from davit_operator.domain.kinds import POD
from davit_operator.domain.objects import Child, child_of
from davit_operator.domain.pin import Pin
from davit_operator.domain.ports import Cluster
from davit_operator.engine.ownership import is_surplus
from davit_operator.engine.plan import Plan, make_plan
from davit_operator.modeldeployment.parts import Part, build_track, children_of
from davit_operator.modeldeployment.rollout import (
    Rollout,
    judge_rollout,
    needs_pods,
    not_deployed,
    template_runs,
)
from davit_operator.modeldeployment.status import TrackReport
from davit_operator.models.route import Platform, choose_route
from davit_operator.workload import naming
from davit_operator.workload.blueprint import Blueprint, ServerImage, TrackGoal

logger = logging.getLogger(__name__)

Live = dict[Child, Object]
"""Objects that exist in the cluster."""


class LiveTracks:
    """Reads and writes the objects of tracks.

    Args:
        cluster: The Kubernetes API.
        platform: Registry, store and CA certificates from the operator's settings.
        image: Default server image, for specs without one.
        parts: Kinds of objects of a track.
    """

    def __init__(
        self, cluster: Cluster, platform: Platform, image: ServerImage, parts: Sequence[Part]
    ) -> None:
        self._cluster = cluster
        self._platform = platform
        self._image = image
        self._parts = parts

    async def observe(self, resource: Resource, goals: Sequence[TrackGoal]) -> Live:
        """Read the objects of the desired tracks and the surplus objects of other tracks.

        Objects with the name of a desired one are included whatever their owner.
        """
        ref = resource.ref
        tracks = [goal.name for goal in goals] or [constants.STABLE]
        wanted = [child for track in tracks for child in children_of(ref.name, track, self._parts)]
        found = await self._list_children(ref)
        missing = [child for child in wanted if child not in found]
        fetched = await asyncio.gather(*(self._cluster.get_child(ref.namespace, child) for child in missing))
        live = {
            child: obj for child, obj in found.items() if child in wanted or is_surplus(obj, resource.uid)
        }
        return live | {child: obj for child, obj in zip(missing, fetched, strict=True) if obj is not None}

    async def _list_children(self, ref: Ref) -> Live:
        selector = naming.all_tracks_labels(ref.name)
        kinds = [part.kind for part in self._parts]
        lists = await asyncio.gather(
            *(self._cluster.list_children(ref.namespace, kind, selector) for kind in kinds)
        )
        return {child_of(obj): obj for found in lists for obj in found}

    async def apply(
        self,
        resource: Resource,
        spec: ModelDeploymentSpec,
        goals: Sequence[TrackGoal],
        live: Live,
    ) -> DavitError | None:
        """Apply differences and update `live`; return the problem that prevented it.

        Raises:
            Unavailable: The API server does not answer.
        """
        if not goals:
            return None
        try:
            blueprints = [self._build_blueprint(resource, spec, goal) for goal in goals]
            wanted = [obj for blueprint in blueprints for obj in build_track(blueprint, self._parts)]
            plan = make_plan(wanted, live, resource.ref, resource.uid)
            await self._execute(resource.ref, plan, live)
        except (InvalidSpec, ModelRejected, Waiting, Denied) as problem:
            return problem
        return None

    def image_of(self, spec: ModelDeploymentSpec) -> str:
        """Return the image that pods of this spec run."""
        return spec.image or self._image.name

    def runs(self, ref: Ref, spec: ModelDeploymentSpec, goal: TrackGoal, live: Live) -> bool:
        """Return whether the pods of a track have its pin and the image of the spec already."""
        deployment = live.get(_deployment_of(ref, goal.name))
        return deployment is not None and template_runs(deployment, goal.pin, self.image_of(spec))

    def is_missing(self, ref: Ref, goal: TrackGoal, live: Live) -> bool:
        """Return whether a track has no pods and nothing that makes them."""
        return _deployment_of(ref, goal.name) not in live

    def _build_blueprint(self, resource: Resource, spec: ModelDeploymentSpec, goal: TrackGoal) -> Blueprint:
        return Blueprint(
            ref=resource.ref,
            uid=resource.uid,
            spec=spec,
            goal=goal,
            route=choose_route(goal.pin.source.location, spec.model, self._platform),
            image=self._image,
            ca_certificates=self._platform.ca_certificates,
        )

    async def _execute(self, ref: Ref, plan: Plan, live: Live) -> None:
        for step in plan.apply:
            live[child_of(step.obj)] = await self._cluster.apply(step.obj)
            logger.info("Applied %s of %s: %s", child_of(step.obj), ref, step.reason)
        for step in plan.delete:
            await self._cluster.delete_child(step.obj)
            logger.info("Deleted %s of %s: %s", child_of(step.obj), ref, step.reason)

    async def judge(self, ref: Ref, live: Live, track: str, pin: Pin | None, desired: int) -> TrackReport:
        """Judge the rollout of a track.

        Args:
            ref: The ModelDeployment.
            live: Its objects.
            track: The name of the track.
            pin: The pin that the track should serve.
            desired: Desired number of pods.

        Raises:
            DavitError: The pods cannot be listed.
        """
        return TrackReport(track, pin, await self._judge_rollout(ref, live, track, desired))

    async def _judge_rollout(self, ref: Ref, live: Live, track: str, desired: int) -> Rollout:
        deployment = live.get(_deployment_of(ref, track))
        if deployment is None:
            return not_deployed(desired)
        if not needs_pods(deployment):
            return judge_rollout(deployment, [])
        selector = naming.selector_labels(ref.name, track)
        return judge_rollout(deployment, await self._cluster.list_children(ref.namespace, POD, selector))


def _deployment_of(ref: Ref, track: str) -> Child:
    return Child("Deployment", naming.object_name(ref.name, track))
