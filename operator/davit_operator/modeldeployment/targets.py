"""Select what the tracks shall serve: the pin that the reference names, if the image has what it needs."""

from dataclasses import dataclass, replace

from davit_resource.v1alpha1 import ModelDeploymentSpec, Resource

from davit_operator.domain.environment import EnvironmentCheck
from davit_operator.domain.errors import DavitError, Denied, InvalidSpec, Unavailable
from davit_operator.domain.pin import Pin
from davit_operator.modeldeployment.live_tracks import Live, LiveTracks
from davit_operator.modeldeployment.tracks import ChooseGoals
from davit_operator.models.environments import Environments
from davit_operator.models.pinning import Choice, Pinner
from davit_operator.models.pins import pin_from_status
from davit_operator.workload.blueprint import TrackGoal

Goals = tuple[TrackGoal, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """What the tracks shall serve, and what kept a newer model from being it.

    Attributes:
        choice: The pin to report as the target, and why the reference could not be resolved.
        goals: Of every track.
        live: The objects of the tracks.
        holds: Whether the objects must stay as they are.
        environment: How the model was compared with the image; None when no model was ever resolved.
        rejected: The pin that the reference names, where it is not the target.
        problem: Why it is not.
    """

    choice: Choice
    goals: Goals
    live: Live
    holds: bool = False
    environment: EnvironmentCheck | None = None
    rejected: Pin | None = None
    problem: DavitError | None = None


class Targets:
    """Selects the goals of the tracks of a ModelDeployment.

    Args:
        pinner: Resolves references to pins.
        environments: Compares models with images.
        tracks: Reads the objects of tracks.
        choose_goals: Chooses the tracks and their goals.
    """

    def __init__(
        self, pinner: Pinner, environments: Environments, tracks: LiveTracks, choose_goals: ChooseGoals
    ) -> None:
        self._pinner = pinner
        self._environments = environments
        self._tracks = tracks
        self._choose_goals = choose_goals

    async def select(self, resource: Resource, spec: ModelDeploymentSpec) -> Selection:
        """Select the pin that the reference names, or the last one where its environment rejects that.

        What runs already is never held back: its pods have shown more than a comparison can.
        """
        choice = await self._pinner.choose(resource, spec)
        goals = self._goals(spec, choice)
        live = await self._tracks.observe(resource, goals)
        if choice.target is None:
            return Selection(choice, goals, live)
        image = self._tracks.image_of(spec)
        check = await self._environments.check(resource, spec, choice.target, image)
        invalid = isinstance(check.problem, InvalidSpec)
        if check.problem is None or (not invalid and self._is_proven(resource, spec, goals, live)):
            return Selection(choice, goals, live, environment=check)
        return self._hold(resource, spec, choice, live, check, check.problem)

    def _hold(
        self,
        resource: Resource,
        spec: ModelDeploymentSpec,
        choice: Choice,
        live: Live,
        check: EnvironmentCheck,
        problem: DavitError,
    ) -> Selection:
        """Go on with the last pin, and without touching its objects where they have another image."""
        kept = replace(self._pinner.keep(resource, spec), resolution=choice.resolution)
        goals = self._goals(spec, kept)
        holds = not self._is_proven(resource, spec, goals, live)
        if isinstance(problem, Unavailable | Denied):  # as when the files cannot be listed
            kept = replace(kept, resolution=choice.resolution or problem)
            return Selection(kept, goals, live, holds, check)
        return Selection(kept, goals, live, holds, check, choice.target, problem)

    def _goals(self, spec: ModelDeploymentSpec, choice: Choice) -> Goals:
        return self._choose_goals(spec, choice.target) if choice.target else ()

    def _is_proven(self, resource: Resource, spec: ModelDeploymentSpec, goals: Goals, live: Live) -> bool:
        """Return whether the pods of all goals run already, or ran until their Deployment was deleted."""
        serving = resource.status.model.serving
        pin = pin_from_status(serving) if serving else None
        return all(
            self._tracks.runs(resource.ref, spec, goal, live)
            or (self._tracks.is_missing(resource.ref, goal, live) and goal.pin.same_model(pin))
            for goal in goals
        )
