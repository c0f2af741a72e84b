"""Ports: what the reconciler needs of the outside world. `adapters` implements them, tests fake them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from davit_registry import File, Reference
from davit_registry.login import RegistryLogin
from davit_registry.resolved import ResolvedModel
from davit_registry.stores.source import StoreAccess
from davit_resource.conditions import Condition
from davit_resource.objects import Object, Ref

from davit_operator.domain.kinds import Kind
from davit_operator.domain.objects import Child
from davit_operator.domain.webhook import Subscription


class Registry(Protocol):
    """An MLflow server."""

    async def resolve(self, reference: Reference, login: RegistryLogin) -> ResolvedModel:
        """Resolve a reference to what it names now.

        Raises:
            ModelRejected: The registry answers and there is no such model.
            Denied: It refuses us.
            Unavailable: It gives no usable response.
        """


class Store(Protocol):
    """Where the files of models are."""

    async def list_files(self, location: str, access: StoreAccess) -> Sequence[File]:
        """List every file of a model.

        Raises:
            ModelRejected: There is nothing at the location.
            Denied: The store refuses us.
            Unavailable: It gives no usable response.
        """

    async def read_files(
        self, location: str, limits: Mapping[File, int], access: StoreAccess
    ) -> Mapping[str, bytes]:
        """Read small files of a model: content by path.

        Args:
            location: The model.
            limits: The files as listed, each with the number of bytes to read at most.
            access: How the store is reached.

        Raises:
            ModelRejected: A file is gone.
            Denied: The store refuses us.
            Unavailable: It gives no usable response, or a file has changed since it was listed.
        """


class Webhooks(Protocol):
    """The webhooks of an MLflow server. Every method may raise `Unavailable`, `Denied` or `ModelRejected`."""

    async def ensure(self, wanted: Subscription, login: RegistryLogin, *, renew: bool) -> bool:
        """Make a webhook, or repair what differs in it; return whether it had to.

        Args:
            wanted: As it shall be.
            login: The server.
            renew: Whether to send the secret again even when nothing seems to differ.
        """

    async def remove(self, name: str, login: RegistryLogin) -> None:
        """Remove a webhook; harmless when it is gone."""


@dataclass(frozen=True, slots=True)
class Note:
    """A Kubernetes Event to post: something that a person would want to read later."""

    type: str
    reason: str
    message: str


class Cluster(Protocol):
    """The Kubernetes API. Every method may raise `Unavailable`, `Denied` or `Waiting` (a conflict)."""

    async def list_resources(self, kind: Kind) -> Sequence[Object]:
        """List all resources of a kind of ours that the operator watches."""

    async def get_resource(self, ref: Ref) -> Object | None:
        """Get one resource of ours, or None when it is gone."""

    async def get_child(self, namespace: str, child: Child) -> Object | None:
        """Get one child, or None."""

    async def list_children(self, namespace: str, kind: Kind, selector: dict[str, str]) -> Sequence[Object]:
        """List objects of one kind by their labels: children, or the pods that belong to them."""

    async def apply(self, obj: Object) -> Object:
        """Apply on the server side; return the object as it is afterwards.

        Raises:
            InvalidSpec: The API server refuses the object.
        """

    async def delete_child(self, obj: Object) -> None:
        """Delete exactly this object, not a later one of the same name; harmless when it is gone."""

    async def write_status(self, resource: Object, status: Object) -> None:
        """Replace what we wrote into a resource's status; harmless when the resource is gone."""

    async def read_secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Read the decoded contents of a Secret, or None when there is none."""

    async def post_event(self, resource: Object, note: Note) -> None:
        """Post an Event about a resource of ours."""


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class Metrics(Protocol):
    """What the operator counts about itself."""

    def reconciled(self, outcome: str, seconds: float) -> None:
        """Count a reconciliation that has ended."""

    def failed(self, reason: str) -> None:
        """Count a problem that a reconciliation found."""

    def resolved(self, outcome: str, seconds: float) -> None:
        """Count a request to a registry to resolve a model URI."""

    def webhook_received(self, outcome: str) -> None:
        """Count a request to the receiver of webhooks."""

    def webhook_registered(self, *, registered: bool) -> None:
        """Record whether our webhook is in MLflow."""

    def watch_queue(self, depth: Callable[[], int]) -> None:
        """Measure how many resources wait to be reconciled, by this function."""

    def resynced(self, now: datetime) -> None:
        """Record when a resync has ended."""

    def conditions(self, ref: Ref, conditions: Iterable[Condition]) -> None:
        """Record the conditions of a custom resource, in place of those before."""

    def forget(self, ref: Ref) -> None:
        """Drop what was recorded of a custom resource that is gone."""
