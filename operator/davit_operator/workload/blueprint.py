"""Everything that the builders need to know, gathered in one value."""

from dataclasses import dataclass

from davit_resource.objects import Ref
from davit_resource.v1alpha1 import ModelDeploymentSpec

from davit_operator.domain.access import Route
from davit_operator.domain.pin import Pin
from davit_operator.workload.naming import object_name


@dataclass(frozen=True, slots=True)
class ServerImage:
    """The image of pods whose ModelDeployment names none."""

    name: str
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True, slots=True)
class TrackGoal:
    """What one track shall serve, and with how many pods.

    Attributes:
        name: Which set of pods this is.
        pin: The model to serve.
        replicas: How many pods.
    """

    name: str
    pin: Pin
    replicas: int


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One track of one ModelDeployment.

    Attributes:
        ref: The ModelDeployment.
        uid: Its uid, for owner references.
        spec: What is wanted of every track.
        goal: What is wanted of this one.
        route: How the pods read the files of its model.
        image: Used when the spec names none.
        ca_certificates: CA certificates that `fetch` trusts besides the system's, as PEM.
    """

    ref: Ref
    uid: str
    spec: ModelDeploymentSpec
    goal: TrackGoal
    route: Route
    image: ServerImage
    ca_certificates: str = ""

    @property
    def name(self) -> str:
        """Name of all objects of this track."""
        return object_name(self.ref.name, self.goal.name)
