"""Which tracks a ModelDeployment shall have. Another track is another entry here."""

from collections.abc import Callable

from davit_operator.api import constants
from davit_operator.api.v1alpha1 import ModelDeploymentSpec
from davit_operator.desired.blueprint import TrackGoal
from davit_operator.domain.pin import Pin

ChooseGoals = Callable[[ModelDeploymentSpec, Pin], tuple[TrackGoal, ...]]


def choose_goals(spec: ModelDeploymentSpec, target: Pin) -> tuple[TrackGoal, ...]:
    """The goal of every track; the stable one, which answers requests, is always among them."""
    return (TrackGoal(constants.STABLE, target, spec.replicas),)
