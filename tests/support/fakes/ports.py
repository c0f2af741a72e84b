"""Fakes behind the operator's ports, except for the cluster: registry, store, clock, metrics."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from davit_operator.domain.errors import DavitError, ModelRejected
from davit_operator.domain.webhook import Subscription
from davit_registry import File, Reference
from davit_registry.login import RegistryLogin
from davit_registry.resolved import ResolvedModel
from davit_registry.stores.source import StoreAccess
from davit_resource.conditions import Condition
from davit_resource.objects import Ref

REGISTRY_URL = "http://mlflow.mlflow.svc:5000"


class FakeClock:
    """A clock that only `advance` moves."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, 8, 0, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class FakeRegistry:
    """The registry as a table of references; raises `outage` while it is set."""

    def __init__(self) -> None:
        self.models: dict[str, ResolvedModel] = {}
        self.outage: DavitError | None = None
        self.asked: list[tuple[str, RegistryLogin]] = []

    def names(self, uri: str, version: str, *, name: str = "iris", location: str | None = None) -> None:
        """Makes a reference name a version."""
        self.models[uri] = ResolvedModel(
            uri=uri,
            registry=REGISTRY_URL,
            location=location or f"mlflow-artifacts:/1/models/m-{name}{version}/artifacts",
            name=name,
            version=version,
            run_id=f"run{version}",
            model_id=f"m-{name}{version}",
        )

    async def resolve(self, reference: Reference, login: RegistryLogin) -> ResolvedModel:
        self.asked.append((str(reference), login))
        if self.outage:
            raise self.outage
        if str(reference) not in self.models:
            raise ModelRejected("AliasNotFound", f"{reference}: no such alias; set it in MLflow")
        return self.models[str(reference)]


class FakeStore:
    """Files by location; a location without files has one file named after it."""

    def __init__(self) -> None:
        self.files: dict[str, list[File]] = {}
        self.outage: DavitError | None = None
        self.reading_outage: DavitError | None = None
        self.content: dict[str, dict[str, bytes]] = {}
        self.listed: list[tuple[str, StoreAccess]] = []
        self.read: list[str] = []

    async def list_files(self, location: str, access: StoreAccess) -> Sequence[File]:
        self.listed.append((location, access))
        if self.outage:
            raise self.outage
        if location in self.content:
            return [
                File(path, len(content), hashlib.md5(content, usedforsecurity=False).hexdigest())
                for path, content in self.content[location].items()
            ]
        return self.files.get(location, [File("MLmodel", 1, location)])

    async def read_files(
        self, location: str, limits: Mapping[File, int], access: StoreAccess
    ) -> Mapping[str, bytes]:
        self.read.append(location)
        if problem := self.outage or self.reading_outage:
            raise problem
        return {file.path: self.content[location][file.path][:limit] for file, limit in limits.items()}


class FakeWebhooks:
    """The webhooks of an MLflow server, by name."""

    def __init__(self) -> None:
        self.present: dict[str, Subscription] = {}
        self.outage: DavitError | None = None
        self.renewals = 0

    async def ensure(self, wanted: Subscription, login: RegistryLogin, *, renew: bool) -> bool:
        self._answer()
        self.renewals += renew
        changed = renew or self.present.get(wanted.name) != wanted
        self.present[wanted.name] = wanted
        return changed

    async def remove(self, name: str, login: RegistryLogin) -> None:
        self._answer()
        self.present.pop(name, None)

    def _answer(self) -> None:
        if self.outage:
            raise self.outage


class FakeMetrics:
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.reconciles: list[str] = []
        self.reasons: list[str] = []
        self.resolves: list[str] = []
        self.webhooks: list[str] = []
        self.is_registered: bool | None = None
        self.queue_depth: Callable[[], int] = int
        self.last_resync: datetime | None = None
        self.by_resource: dict[Ref, dict[str, str]] = {}

    def reconciled(self, outcome: str, seconds: float) -> None:
        self.reconciles.append(outcome)

    def failed(self, reason: str) -> None:
        self.reasons.append(reason)

    def resolved(self, outcome: str, seconds: float) -> None:
        self.resolves.append(outcome)

    def webhook_received(self, outcome: str) -> None:
        self.webhooks.append(outcome)

    def webhook_registered(self, *, registered: bool) -> None:
        self.is_registered = registered

    def watch_queue(self, depth: Callable[[], int]) -> None:
        self.queue_depth = depth

    def resynced(self, now: datetime) -> None:
        self.last_resync = now

    def conditions(self, ref: Ref, conditions: Iterable[Condition]) -> None:
        self.by_resource[ref] = {one.type: one.status for one in conditions}

    def forget(self, ref: Ref) -> None:
        self.by_resource.pop(ref, None)
