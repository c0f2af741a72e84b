"""The tracks of a ModelDeployment. Another track is another entry here."""

from collections.abc import Callable

from davit_resource import constants
from davit_resource.v1alpha1 import ModelDeploymentSpec

from davit_operator.domain.pin import Pin
from davit_operator.workload.blueprint import TrackGoal

ChooseGoals = Callable[[ModelDeploymentSpec, Pin], tuple[TrackGoal, ...]]


def choose_goals(spec: ModelDeploymentSpec, target: Pin) -> tuple[TrackGoal, ...]:
    """Return the goal of every track, always including the stable one, which receives the requests."""
    return (TrackGoal(constants.STABLE, target, spec.replicas),)
