"""The whole operator with fakes behind its ports, and the steps of component tests."""

from collections.abc import Sequence
from typing import Any

from davit_environment.manifest import RuntimeManifest
from davit_operator.app import REGISTRATIONS, Core, Outside, Registration, create_core
from davit_operator.engine.controller import Controller, Next
from davit_operator.settings import Settings
from davit_registry.stores.source import StoreAccess
from davit_resource.constants import KIND
from davit_resource.objects import Object, Ref
from support.fakes.kubernetes_cluster import FakeCluster
from support.fakes.ports import REGISTRY_URL, FakeClock, FakeMetrics, FakeRegistry, FakeStore

CHAMPION = "models:/iris@champion"


class OperatorHarness:
    """A cluster, a registry, a store, a clock, and an operator that can be restarted at any moment.

    Args:
        settings: Those of the operator; `registry_url=""` makes one without a registry of its own.
    """

    def __init__(self, registrations: Sequence[Registration] = REGISTRATIONS, **settings: Any) -> None:
        self.registrations = registrations
        self.cluster, self.registry, self.store = FakeCluster(), FakeRegistry(), FakeStore()
        self.clock, self.metrics = FakeClock(), FakeMetrics()
        self.runtimes: dict[str, RuntimeManifest] = {}
        self.settings = Settings(**{"registry_url": REGISTRY_URL, **settings})
        self.core = self._start()

    def _start(self) -> Core:
        outside = Outside(self.cluster, self.registry, self.store, self.clock, self.metrics, self.runtimes)
        return create_core(
            self.settings, StoreAccess({"AWS_ACCESS_KEY_ID": "own"}), outside, self.registrations
        )

    def restart_operator(self) -> None:
        """Start a new operator, without the state in memory."""
        self.core = self._start()

    async def reconcile(self, name: str = "iris", namespace: str = "demo") -> Next:
        """Reconcile once, a second after the last step."""
        self.clock.advance(1)
        return await self.controller.reconcile(Ref(KIND, namespace, name))

    @property
    def controller(self) -> Controller:
        """That of ModelDeployments."""
        return next(one for one in self.core.controllers if one.kind.name == KIND)

    async def resync(self) -> list[Ref]:
        """Resync once, an interval later; return the keys that it queued."""
        self.clock.advance(self.settings.resolve_interval_seconds)
        await self.core.rounds.run_once()
        return await self._queued()

    async def hint(self, *models: str) -> list[Ref]:
        """Deliver a webhook hint, a second later; return the keys that it queued."""
        self.clock.advance(1)
        await self.core.rounds.run_for(models)
        return await self._queued()

    async def _queued(self) -> list[Ref]:
        found = []
        while len(self.core.queue):
            key = await self.core.queue.get()
            self.core.queue.done(key)
            found.append(key)
        return found

    async def serve(self, name: str = "iris", **spec: Any) -> None:
        """A ModelDeployment of the champion, rolled out."""
        if CHAMPION not in self.registry.models:
            self.registry.names(CHAMPION, "1")
        self.cluster.create(name, {"model": {"uri": CHAMPION}, **spec})
        await self.reconcile(name)
        self.cluster.roll_out(name)
        await self.reconcile(name)
        assert self.condition("Ready", name)["status"] == "True", self.condition("Ready", name)

    def status(self, name: str = "iris") -> Object:
        """What `kubectl get -o yaml` shows."""
        status: Object = self.cluster.resources[Ref(KIND, "demo", name)]["status"]
        return status

    def conditions(self, name: str = "iris") -> dict[str, Object]:
        return {one["type"]: one for one in self.status(name)["conditions"]}

    def condition(self, type_: str, name: str = "iris") -> Object:
        return self.conditions(name)[type_]

    def serving(self, name: str = "iris") -> str | None:
        return self._label("serving", name)

    def target(self, name: str = "iris") -> str | None:
        return self._label("target", name)

    def _label(self, pin: str, name: str) -> str | None:
        label: str | None = self.status(name)["model"].get(pin, {}).get("label")
        return label
