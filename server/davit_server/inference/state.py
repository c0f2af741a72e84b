"""The phase of a serving process."""

from dataclasses import dataclass
from enum import Enum

from davit_server.errors import ModelRejected
from davit_server.inference.service import InferenceService


class Phase(Enum):
    """loading → ready → draining, or loading → failed."""

    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"


@dataclass(slots=True)
class ServerState:
    """The phase, and the model's service once there is one.

    While draining, predictions are still answered: load balancers and clients with open connections
    learn with a delay that this process shuts down.
    """

    phase: Phase = Phase.LOADING
    service: InferenceService | None = None
    failure: ModelRejected | None = None
    checked: str = ""
    """The note of the smoke test: `checked: …`, or why the model is unchecked."""

    @property
    def ready(self) -> bool:
        """Whether the server is ready for requests."""
        return self.phase is Phase.READY

    @property
    def live(self) -> bool:
        """Whether the process can recover without a restart."""
        return not (self.service is not None and self.service.hung)
