"""ModelDeployment v1alpha1 as pydantic models; a contract test holds them equal to the CRD.

The API server has checked schema and CEL rules before we see an object, and has dropped fields that the
CRD does not know. An unknown field can still reach us when the CRD is newer than this operator: the spec
is then refused rather than half obeyed.
"""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from davit_resource.conditions import Condition
from davit_resource.constants import DEFAULT_REPLICAS, DEFAULT_SERVICE_PORT, KIND
from davit_resource.objects import Object, Ref


class UnreadableSpec(ValueError):
    """A field of spec is missing, unknown to this version or has a wrong value; the message names each."""


class _Wanted(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)


class _Reported(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class RegistrySpec(_Wanted):
    """`spec.model.registry`: the MLflow server, when it is not the operator's own."""

    url: str | None = None
    secret_name: str | None = None


class ModelSpec(_Wanted):
    """`spec.model`: which model, and how to reach it."""

    uri: str
    registry: RegistrySpec | None = None
    store_secret_name: str | None = None


class EnvironmentSpec(_Wanted):
    """`spec.environment`: what counts instead of what the model says about its environment."""

    python: str | None = None
    requirements: list[str] = Field(default_factory=list)


class ServerSpec(_Wanted):
    """`spec.server`: how the server in each pod behaves; absent means the server's own default."""

    workers: int | None = None
    request_timeout_seconds: int | None = None
    max_body_bytes: int | None = None
    max_queue: int | None = None
    max_rows: int | None = None
    max_json_depth: int | None = None
    drain_seconds: int | None = None
    batching: Literal["Auto", "Enabled", "Disabled"] | None = None
    concurrency: int | None = None
    startup_predictions: Literal["Auto", "Disabled"] | None = None
    plan: Literal["Auto", "Pyfunc", "Onnx"] | None = None
    tolerance: str | None = None
    access_log: bool | None = None
    log_level: Literal["Debug", "Info", "Warning", "Error"] | None = None


class ResourcesSpec(_Wanted):
    """`spec.resources`: requests and limits of the serving container."""

    requests: dict[str, int | str] | None = None
    limits: dict[str, int | str] | None = None


class PullSecret(_Wanted):
    """One entry of `spec.imagePullSecrets`."""

    name: str


class EnvVar(_Wanted):
    """One entry of `spec.env`."""

    name: str
    value: str | None = None
    value_from: Object | None = None


class PodMetadata(_Wanted):
    """`spec.podMetadata`: labels and annotations to add to the pods."""

    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class ServiceSpec(_Wanted):
    """`spec.service`: the Service in front of the pods."""

    type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    port: int = DEFAULT_SERVICE_PORT
    annotations: dict[str, str] | None = None


class ModelDeploymentSpec(_Wanted):
    """What is wanted. The shapes that Kubernetes itself defines pass through as they are."""

    model: ModelSpec
    replicas: int = DEFAULT_REPLICAS
    suspend: bool = False
    environment: EnvironmentSpec = Field(default_factory=EnvironmentSpec)
    image: str | None = None
    image_pull_secrets: list[PullSecret] = Field(default_factory=list)
    resources: ResourcesSpec | None = None
    server: ServerSpec = Field(default_factory=ServerSpec)
    env: list[EnvVar] = Field(default_factory=list)
    pod_metadata: PodMetadata = Field(default_factory=PodMetadata)
    service: ServiceSpec = Field(default_factory=ServiceSpec)
    node_selector: dict[str, str] | None = None
    tolerations: list[Object] | None = None
    affinity: Object | None = None
    topology_spread_constraints: list[Object] | None = None
    priority_class_name: str | None = None


class PinStatus(_Reported):
    """`status.model.target` and `.serving`: a pin and when it was first resolved."""

    label: str
    uri: str
    registry: str = ""
    name: str = ""
    version: str = ""
    run_id: str = ""
    model_id: str = ""
    location: str
    digest: str
    integrity: str = ""
    resolved_at: datetime


class ModelStatus(_Reported):
    """`status.model`: the version that is wanted and the one that answers."""

    target: PinStatus | None = None
    serving: PinStatus | None = None


class ReplicasStatus(_Reported):
    """`status.replicas`: pods."""

    desired: int = 0
    total: int = 0
    ready: int = 0
    updated: int = 0
    summary: str = ""


class TrackStatus(_Reported):
    """One entry of `status.tracks`: what a track serves, and its pods."""

    name: str
    label: str = ""
    digest: str = ""
    replicas: ReplicasStatus = Field(default_factory=ReplicasStatus)


class EnvironmentStatus(_Reported):
    """`status.environment`: how the model differs from the image of its pods."""

    image: str
    checked: str
    differences: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class HistoryEntry(_Reported):
    """One entry of `status.history`: a version that served."""

    label: str
    uri: str
    version: str = ""
    run_id: str = ""
    digest: str
    serving_since: datetime


class ModelDeploymentStatus(_Reported):
    """What is."""

    observed_generation: int = 0
    conditions: list[Condition] = Field(default_factory=list)
    model: ModelStatus = Field(default_factory=ModelStatus)
    environment: EnvironmentStatus | None = None
    replicas: ReplicasStatus = Field(default_factory=ReplicasStatus)
    tracks: list[TrackStatus] = Field(default_factory=list)
    selector: str = ""
    endpoint: str = ""
    history: list[HistoryEntry] = Field(default_factory=list)

    def condition(self, type_: str) -> Condition | None:
        """Return one condition by its name."""
        return next((condition for condition in self.conditions if condition.type == type_), None)

    def to_json(self) -> Object:
        """Return the JSON tree to store; what is empty is left out."""
        dumped = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        return {name: _pruned(value) for name, value in dumped.items() if value not in ("", [], {})}


class Resource(_Reported):
    """A ModelDeployment: who it is and what was reported, readable even when its spec is not."""

    ref: Ref
    uid: str
    generation: int
    deleting: bool
    status: ModelDeploymentStatus
    body: Object = Field(repr=False)

    def parse_spec(self) -> ModelDeploymentSpec:
        """Read what is wanted.

        Raises:
            UnreadableSpec: A field is missing, unknown to this operator or has a wrong value.
        """
        try:
            return ModelDeploymentSpec.model_validate(self.body.get("spec") or {})
        except ValidationError as error:
            raise UnreadableSpec(_explain(error)) from None


def parse_resource(body: Object) -> Resource:
    """Read a ModelDeployment as the API server stores it. An unreadable status counts as none."""
    metadata = body["metadata"]
    return Resource(
        ref=Ref(KIND, metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        generation=metadata.get("generation", 1),
        deleting="deletionTimestamp" in metadata,
        status=_parse_status(body.get("status") or {}),
        body=body,
    )


def _parse_status(status: Object) -> ModelDeploymentStatus:
    try:
        return ModelDeploymentStatus.model_validate(status)
    except ValidationError:
        return ModelDeploymentStatus()


def _explain(error: ValidationError) -> str:
    problems = error.errors(include_input=False)
    return "; ".join(_explain_one(one["loc"], one["type"], one["msg"]) for one in problems)


def _explain_one(location: tuple[int | str, ...], kind: str, message: str) -> str:
    field = ".".join(["spec", *map(str, location)])
    match kind:
        case "extra_forbidden":
            return f"{field} is not known to this operator: remove the field, or upgrade the operator"
        case "missing":
            return f"{field} is missing: add it"
    return f"{field}: {message[:1].lower()}{message[1:]}; correct it"


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _pruned(item) for name, item in value.items() if item not in ("", {}, [])}
    return [_pruned(item) for item in value] if isinstance(value, list) else value
