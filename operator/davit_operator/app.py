"""The only place where the parts are made and joined."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from davit_operator.adapters.clock import SystemClock
from davit_operator.adapters.cluster_kubernetes import KubernetesCluster
from davit_operator.adapters.kubernetes_api import KubernetesApi, connect
from davit_operator.adapters.metrics import PrometheusMetrics
from davit_operator.adapters.registry_mlflow import MlflowRegistry
from davit_operator.adapters.store_s3 import ModelStore
from davit_operator.desired.blueprint import ServerImage
from davit_operator.domain.access import RegistryAccess, StoreAccess
from davit_operator.domain.ports import Clock, Cluster, Metrics, Registry, Store
from davit_operator.planning.route import Platform
from davit_operator.reconcile.credentials import Credentials
from davit_operator.reconcile.lookups import Lookups
from davit_operator.reconcile.pinning import Pinner
from davit_operator.reconcile.queue import WorkQueue
from davit_operator.reconcile.reconciler import Reconciler
from davit_operator.reconcile.resync import Resync
from davit_operator.reconcile.vitals import Vitals
from davit_operator.reconcile.worker import Workers
from davit_operator.settings import Settings, StoreSettings

_PATIENCE_ROUNDS = 10
_LEAST_PATIENCE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the reconciler reaches through ports; the tests bring their own."""

    cluster: Cluster
    registry: Registry
    store: Store
    clock: Clock
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Core:
    """The reconciler and what feeds it, joined to an outside."""

    queue: WorkQueue
    vitals: Vitals
    reconciler: Reconciler
    workers: Workers
    resync: Resync


@dataclass(frozen=True, slots=True)
class App:
    """The running operator's parts."""

    settings: Settings
    clock: SystemClock
    metrics: PrometheusMetrics
    core: Core
    registry: MlflowRegistry
    api: KubernetesApi
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    async def aclose(self) -> None:
        """Closes connections."""
        await self.registry.aclose()
        await self.api.aclose()


async def create_app(settings: Settings, store_settings: StoreSettings) -> App:
    """Makes the operator for the cluster that we run in, or else that the kubeconfig names.

    Raises:
        ConfigException: There is no cluster to be found.
    """
    clock, metrics = SystemClock(), PrometheusMetrics()
    api = KubernetesApi(await connect())
    registry = MlflowRegistry(settings.registry_ca_file)
    outside = Outside(
        cluster=KubernetesCluster(api, settings.watch_namespaces, clock),
        registry=registry,
        store=ModelStore(registry),
        clock=clock,
        metrics=metrics,
    )
    core = create_core(settings, store_settings, outside)
    return App(settings=settings, clock=clock, metrics=metrics, core=core, registry=registry, api=api)


def create_core(settings: Settings, store_settings: StoreSettings, outside: Outside) -> Core:
    """Joins the reconciler, its queue and its resync to an outside."""
    platform = build_platform(settings)
    interval = settings.resolve_interval
    lookups = Lookups(outside.registry, outside.store, outside.clock, outside.metrics, interval)
    own_registry, own_store = build_access(settings, store_settings)
    credentials = Credentials(outside.cluster, platform, own_registry, own_store)
    pinner = Pinner(lookups, credentials, platform)
    queue = WorkQueue()
    vitals = Vitals(outside.clock.now(), max(_PATIENCE_ROUNDS * interval, _LEAST_PATIENCE))
    image = ServerImage(settings.server_image, settings.server_image_pull_policy)
    reconciler = Reconciler(outside.cluster, pinner, outside.clock, outside.metrics, platform, image)
    return Core(
        queue=queue,
        vitals=vitals,
        reconciler=reconciler,
        workers=Workers(queue, reconciler, outside.metrics),
        resync=Resync(outside.cluster, pinner, lookups, queue, vitals, outside.clock),
    )


def build_platform(settings: Settings) -> Platform:
    """What the settings offer to every ModelDeployment."""
    return Platform(
        registry_url=settings.registry_url,
        registry_has_credentials=bool(
            settings.registry_username or settings.registry_token.get_secret_value()
        ),
        artifacts_destination=settings.artifacts_destination,
    )


def build_access(settings: Settings, store: StoreSettings) -> tuple[RegistryAccess, StoreAccess]:
    """The operator's own credentials."""
    registry = RegistryAccess(
        url=settings.registry_url,
        username=settings.registry_username,
        password=settings.registry_password.get_secret_value(),
        token=settings.registry_token.get_secret_value(),
    )
    return registry, StoreAccess(
        access_key_id=store.access_key_id,
        secret_access_key=store.secret_access_key.get_secret_value(),
        session_token=store.session_token.get_secret_value(),
        region=store.region,
        endpoint_url=store.endpoint_url,
    )
