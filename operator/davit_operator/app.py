"""The only place where the parts are made and joined."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from davit_environment.manifest import RuntimeManifest
from davit_registry.ca_certificates import write_ca_file
from davit_registry.login import RegistryLogin
from davit_registry.stores.source import StoreAccess
from davit_registry.stores.table import read_environment

from davit_operator.adapters.clock import SystemClock
from davit_operator.adapters.cluster_kubernetes import KubernetesCluster
from davit_operator.adapters.kubernetes_api import KubernetesApi, connect
from davit_operator.adapters.metrics import PrometheusMetrics
from davit_operator.adapters.registry_mlflow import MlflowRegistry
from davit_operator.adapters.runtimes import read_runtimes
from davit_operator.adapters.stores import ModelStores
from davit_operator.adapters.webhooks_mlflow import MlflowWebhooks
from davit_operator.domain.kinds import CustomKind
from davit_operator.domain.ports import Clock, Cluster, Metrics, Registry, Store, Webhooks
from davit_operator.domain.webhook import Subscription
from davit_operator.engine.controller import Controller
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue
from davit_operator.engine.rounds import Rounds
from davit_operator.engine.worker import Workers
from davit_operator.modeldeployment.controller import ModelDeploymentController
from davit_operator.modeldeployment.live_tracks import LiveTracks
from davit_operator.modeldeployment.parts import PARTS, Part, describe_kind
from davit_operator.modeldeployment.reconciler import Reconciler
from davit_operator.modeldeployment.resync import Resync
from davit_operator.modeldeployment.targets import Targets
from davit_operator.modeldeployment.tracks import ChooseGoals, choose_goals
from davit_operator.models.credentials import Credentials
from davit_operator.models.environments import Environments
from davit_operator.models.hints import Hints, Receiver
from davit_operator.models.lookups import Lookups
from davit_operator.models.pinning import Pinner
from davit_operator.models.route import Platform
from davit_operator.models.subscriber import Subscriber
from davit_operator.settings import Settings
from davit_operator.workload.blueprint import ServerImage

_PATIENCE_ROUNDS = 10
_LEAST_PATIENCE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything that the controllers reach through ports; the tests bring their own."""

    cluster: Cluster
    registry: Registry
    store: Store
    clock: Clock
    metrics: Metrics
    runtimes: Mapping[str, RuntimeManifest] = field(default_factory=dict)
    """What is known about images of pods."""


@dataclass(frozen=True, slots=True)
class Core:
    """The controllers and what feeds them, joined to an outside."""

    queue: WorkQueue
    liveness: Liveness
    controllers: tuple[Controller, ...]
    workers: Workers
    rounds: Rounds


@dataclass(frozen=True, slots=True)
class Shared:
    """What the controllers of all kinds share."""

    outside: Outside
    queue: WorkQueue
    platform: Platform
    lookups: Lookups
    pinner: Pinner
    environments: Environments
    image: ServerImage


@dataclass(frozen=True, slots=True)
class Registration:
    """A kind of resources, and how its controller is made."""

    kind: CustomKind
    create: Callable[[Shared], Controller]


@dataclass(frozen=True, slots=True)
class Link:
    """How MLflow notifies us of changes."""

    hints: Hints
    receiver: Receiver
    subscriber: Subscriber


@dataclass(frozen=True, slots=True)
class App:
    """The running operator's parts."""

    settings: Settings
    clock: SystemClock
    metrics: PrometheusMetrics
    core: Core
    registry: MlflowRegistry
    api: KubernetesApi
    link: Link | None

    async def aclose(self) -> None:
        """Close connections."""
        await self.registry.aclose()
        await self.api.aclose()


async def create_app(settings: Settings, environment: Mapping[str, str]) -> App:
    """Make the operator for the cluster that we run in, or else that the kubeconfig names.

    Raises:
        ConfigException: There is no cluster to be found.
        UnusableRuntimes: The manifests of images cannot be read.
        InvalidReference: The CA certificates cannot be read.
    """
    clock, metrics = SystemClock(), PrometheusMetrics()
    api = KubernetesApi(await connect())
    kinds = [one.kind for one in REGISTRATIONS]
    ca_file = write_ca_file(settings.ca_certificates)
    registry = MlflowRegistry(ca_file)
    outside = Outside(
        cluster=KubernetesCluster(api, settings.watch_namespaces, clock, kinds),
        registry=registry,
        store=ModelStores(ca_file),
        clock=clock,
        metrics=metrics,
        runtimes=read_runtimes(settings.runtimes_file),
    )
    core = create_core(settings, StoreAccess(read_environment(environment)), outside)
    link = create_link(settings, MlflowWebhooks(registry), clock, metrics)
    return App(
        settings=settings,
        clock=clock,
        metrics=metrics,
        core=core,
        registry=registry,
        api=api,
        link=link,
    )


def create_link(settings: Settings, webhooks: Webhooks, clock: Clock, metrics: Metrics) -> Link | None:
    """Make the webhook's parts; None where the settings name no secret, no address or no registry."""
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
            webhooks, Subscription(name, url, secret), build_registry_login(settings), metrics
        ),
    )


def create_core(
    settings: Settings,
    store: StoreAccess,
    outside: Outside,
    registrations: Sequence[Registration] | None = None,
) -> Core:
    """Join the controllers of all registered kinds, their queue and their rounds to an outside."""
    queue = WorkQueue()
    outside.metrics.watch_queue(queue.__len__)
    shared = create_shared(settings, store, outside, queue)
    controllers = tuple(one.create(shared) for one in registrations or REGISTRATIONS)
    patience = max(_PATIENCE_ROUNDS * settings.resolve_interval, _LEAST_PATIENCE)
    liveness = Liveness(outside.clock.now(), patience)
    return Core(
        queue=queue,
        liveness=liveness,
        controllers=controllers,
        workers=Workers(queue, controllers, outside.metrics),
        rounds=Rounds(outside.cluster, controllers, liveness, outside.clock, outside.metrics),
    )


def create_shared(settings: Settings, store: StoreAccess, outside: Outside, queue: WorkQueue) -> Shared:
    """Make what the controllers of all kinds share."""
    platform = build_platform(settings)
    lookups = Lookups(
        outside.registry, outside.store, outside.clock, outside.metrics, settings.resolve_interval
    )
    credentials = Credentials(outside.cluster, platform, build_registry_login(settings), store)
    return Shared(
        outside=outside,
        queue=queue,
        platform=platform,
        lookups=lookups,
        pinner=Pinner(lookups, credentials, platform),
        environments=Environments(lookups, credentials, platform, outside.runtimes),
        image=ServerImage(settings.server_image, settings.server_image_pull_policy),
    )


def register_model_deployments(
    parts: Sequence[Part] = PARTS, choose_goals: ChooseGoals = choose_goals
) -> Registration:
    """Register the kind ModelDeployment, with what its tracks consist of and which tracks there are."""
    kind = describe_kind(parts)

    def create(shared: Shared) -> Controller:
        outside, pinner = shared.outside, shared.pinner
        tracks = LiveTracks(outside.cluster, shared.platform, shared.image, parts)
        targets = Targets(pinner, shared.environments, tracks, choose_goals)
        reconciler = Reconciler(outside.cluster, targets, tracks, outside.clock, outside.metrics)
        resync = Resync(pinner, shared.lookups, shared.queue, outside.clock)
        return ModelDeploymentController(kind, reconciler, resync)

    return Registration(kind, create)


REGISTRATIONS = (register_model_deployments(),)
"""Every kind that the operator reconciles: another one is a folder and a line here."""


def build_platform(settings: Settings) -> Platform:
    """Collect what the settings offer to every ModelDeployment."""
    return Platform(
        registry_url=settings.registry_url,
        registry_has_credentials=build_registry_login(settings).has_credentials,
        artifacts_destination=settings.artifacts_destination,
        ca_certificates=settings.ca_certificates,
    )


def build_registry_login(settings: Settings) -> RegistryLogin:
    """Collect the operator's login to its own registry."""
    return RegistryLogin(
        url=settings.registry_url,
        username=settings.registry_username,
        password=settings.registry_password.get_secret_value(),
        token=settings.registry_token.get_secret_value(),
    )
