"""The only place where the parts are made and joined."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from davit_registry.authorities import authorities_file

from davit_operator.adapters.clock import SystemClock
from davit_operator.adapters.cluster_kubernetes import KubernetesCluster
from davit_operator.adapters.kubernetes_api import KubernetesApi, connect
from davit_operator.adapters.metrics import PrometheusMetrics
from davit_operator.adapters.registry_mlflow import MlflowRegistry
from davit_operator.adapters.store_s3 import ModelStore
from davit_operator.adapters.webhooks_mlflow import MlflowWebhooks
from davit_operator.domain.access import RegistryAccess, StoreAccess
from davit_operator.domain.kinds import CustomKind
from davit_operator.domain.ports import Clock, Cluster, Metrics, Registry, Store, Webhooks
from davit_operator.domain.webhook import Subscription
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue
from davit_operator.engine.worker import Workers
from davit_operator.modeldeployment.parts import PARTS, Part, describe_kind
from davit_operator.modeldeployment.reconciler import Reconciler
from davit_operator.modeldeployment.resync import Resync
from davit_operator.modeldeployment.tracks import ChooseGoals, choose_goals
from davit_operator.models.credentials import Credentials
from davit_operator.models.hints import Hints, Receiver
from davit_operator.models.lookups import Lookups
from davit_operator.models.pinning import Pinner
from davit_operator.models.route import Platform
from davit_operator.models.subscriber import Subscriber
from davit_operator.settings import Settings, StoreSettings
from davit_operator.workload.blueprint import ServerImage

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
    liveness: Liveness
    reconciler: Reconciler
    workers: Workers
    resync: Resync


@dataclass(frozen=True, slots=True)
class Link:
    """How MLflow tells us that something has changed."""

    hints: Hints
    receiver: Receiver
    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class App:
    """The running operator's parts."""

    settings: Settings
    clock: SystemClock
    metrics: PrometheusMetrics
    kind: CustomKind
    core: Core
    registry: MlflowRegistry
    api: KubernetesApi
    link: Link | None

    async def aclose(self) -> None:
        """Closes connections."""
        await self.registry.aclose()
        await self.api.aclose()


async def create_app(settings: Settings, store_settings: StoreSettings) -> App:
    """Makes the operator for the cluster that we run in, or else that the kubeconfig names.

    Raises:
        ConfigException: There is no cluster to be found.
        InvalidReference: The certificates of authorities cannot be read.
    """
    clock, metrics = SystemClock(), PrometheusMetrics()
    api = KubernetesApi(await connect())
    kind = describe_kind()
    authorities = authorities_file(settings.ca_certificates)
    registry = MlflowRegistry(authorities)
    outside = Outside(
        cluster=KubernetesCluster(api, settings.watch_namespaces, clock, [kind]),
        registry=registry,
        store=ModelStore(registry, authorities),
        clock=clock,
        metrics=metrics,
    )
    core = create_core(settings, store_settings, outside)
    link = create_link(settings, MlflowWebhooks(registry), clock, metrics)
    return App(
        settings=settings,
        clock=clock,
        metrics=metrics,
        kind=kind,
        core=core,
        registry=registry,
        api=api,
        link=link,
    )


def create_link(settings: Settings, webhooks: Webhooks, clock: Clock, metrics: Metrics) -> Link | None:
    """The webhook's parts; None where the settings name no secret, no address or no registry."""
    secret, url = settings.webhook_secret.get_secret_value(), settings.webhook_url
    if not (secret and url and settings.registry_url):
        return None
    # Operators of several clusters may follow one MLflow: the address tells them apart.
    name = f"davit-operator-{hashlib.sha256(url.encode()).hexdigest()[:10]}"
    hints = Hints()
    return Link(
        hints=hints,
        receiver=Receiver(secret, hints, clock, metrics),
        subscriber=Subscriber(
            webhooks, Subscription(name, url, secret), build_registry_access(settings), metrics
        ),
    )


def create_core(
    settings: Settings,
    store_settings: StoreSettings,
    outside: Outside,
    parts: Sequence[Part] = PARTS,
    choose_goals: ChooseGoals = choose_goals,
) -> Core:
    """Joins the reconciler, its queue and its resync to an outside."""
    platform = build_platform(settings)
    interval = settings.resolve_interval
    lookups = Lookups(outside.registry, outside.store, outside.clock, outside.metrics, interval)
    own_registry, own_store = build_access(settings, store_settings)
    credentials = Credentials(outside.cluster, platform, own_registry, own_store)
    pinner = Pinner(lookups, credentials, platform)
    queue = WorkQueue()
    liveness = Liveness(outside.clock.now(), max(_PATIENCE_ROUNDS * interval, _LEAST_PATIENCE))
    image = ServerImage(settings.server_image, settings.server_image_pull_policy)
    reconciler = Reconciler(
        outside.cluster, pinner, outside.clock, outside.metrics, platform, image, parts, choose_goals
    )
    return Core(
        queue=queue,
        liveness=liveness,
        reconciler=reconciler,
        workers=Workers(queue, reconciler, outside.metrics),
        resync=Resync(outside.cluster, pinner, lookups, queue, liveness, outside.clock),
    )


def build_platform(settings: Settings) -> Platform:
    """What the settings offer to every ModelDeployment."""
    return Platform(
        registry_url=settings.registry_url,
        registry_has_credentials=bool(
            settings.registry_username or settings.registry_token.get_secret_value()
        ),
        artifacts_destination=settings.artifacts_destination,
        ca_certificates=settings.ca_certificates,
    )


def build_access(settings: Settings, store: StoreSettings) -> tuple[RegistryAccess, StoreAccess]:
    """The operator's own credentials."""
    return build_registry_access(settings), StoreAccess(
        access_key_id=store.access_key_id,
        secret_access_key=store.secret_access_key.get_secret_value(),
        session_token=store.session_token.get_secret_value(),
        region=store.region,
        endpoint_url=store.endpoint_url,
    )


def build_registry_access(settings: Settings) -> RegistryAccess:
    """The operator's own registry, and what proves us to it."""
    return RegistryAccess(
        url=settings.registry_url,
        username=settings.registry_username,
        password=settings.registry_password.get_secret_value(),
        token=settings.registry_token.get_secret_value(),
    )
