"""Choose how a model's files are reached, by the pods and by the operator, and with which credentials."""

from dataclasses import dataclass

from davit_registry.stores.table import store_kind
from davit_resource.v1alpha1 import ModelSpec

from davit_operator.domain.access import ListingAccess, Route
from davit_operator.domain.errors import InvalidSpec, translated


@dataclass(frozen=True, slots=True)
class Platform:
    """What the operator's own settings offer to a ModelDeployment.

    Attributes:
        registry_url: The MLflow server of ModelDeployments that name none; may be empty.
        registry_has_credentials: Whether the operator sends credentials to it.
        artifacts_destination: The store behind its artifact proxy, `s3://…`; empty when not known.
        ca_certificates: CA certificates that the operator and its pods trust besides the system's, as PEM.
    """

    registry_url: str = ""
    registry_has_credentials: bool = False
    artifacts_destination: str = ""
    ca_certificates: str = ""


def registry_url(model: ModelSpec, platform: Platform) -> str:
    """Return the MLflow server that resolves a model's reference; empty when none is set anywhere."""
    return (model.registry and model.registry.url) or platform.registry_url


def choose_registry_url(model: ModelSpec, platform: Platform) -> str:
    """Return the MLflow server that resolves a model's reference.

    Raises:
        InvalidSpec: Neither the ModelDeployment nor the operator's settings name one.
    """
    url = registry_url(model, platform)
    if not url:
        raise InvalidSpec(
            "RegistryMissing",
            "spec.model.registry.url is missing and the operator has no registry of its own",
            "set it to the address of an MLflow server",
        )
    return url


def choose_route(location: str, model: ModelSpec, platform: Platform) -> Route:
    """Choose the route to a model's files.

    Raises:
        InvalidSpec: The route needs a Secret that the spec does not name, or names one that it cannot use.
        ModelRejected: The files are in a kind of store that cannot be read.
    """
    with translated(model.uri):
        kind = store_kind(location)
    return _proxied(location, model, platform) if kind.behind_registry else _direct(location, model)


def _direct(location: str, model: ModelSpec) -> Route:
    if model.store_secret_name is None:
        keys = ", or ".join(" and ".join(choice) for choice in store_kind(location).required_keys)
        raise InvalidSpec(
            "StoreSecretRequired",
            f"spec.model.storeSecretName is missing, and the files of {model.uri} are at {location}",
            f"name a Secret in this namespace with the keys {keys}",
        )
    return Route(fetch=location, listing=location, access=ListingAccess.STORE_SECRET)


def _proxied(location: str, model: ModelSpec, platform: Platform) -> Route:
    mapped = _mapped(location, model, platform)
    if model.store_secret_name is not None:
        return _mapped_direct(location, mapped)
    _require_proxy_credentials(model, platform)
    if mapped:
        return Route(fetch=location, listing=mapped, access=ListingAccess.OPERATOR_STORE)
    return Route(fetch=location, listing=location, access=ListingAccess.PROXY)


def _mapped(location: str, model: ModelSpec, platform: Platform) -> str:
    """Return the same files in the store behind the operator's own registry, where the settings name it."""
    path = location.partition(":")[2]
    if not platform.artifacts_destination or path.startswith("//") or not _uses_own_registry(model, platform):
        return ""
    return f"{platform.artifacts_destination.rstrip('/')}/{path.lstrip('/')}"


def _mapped_direct(location: str, mapped: str) -> Route:
    if not mapped:
        raise InvalidSpec(
            "StoreSecretUnused",
            f"spec.model.storeSecretName is set, but the files are at {location} and the operator does not "
            "know which store is behind that",
            "remove the field, or set the operator's artifacts destination",
        )
    return Route(fetch=mapped, listing=mapped, access=ListingAccess.STORE_SECRET)


def _uses_own_registry(model: ModelSpec, platform: Platform) -> bool:
    url = model.registry.url if model.registry else None
    return url is None or url.rstrip("/") == platform.registry_url.rstrip("/")


def _require_proxy_credentials(model: ModelSpec, platform: Platform) -> None:
    named = model.registry is not None and (model.registry.secret_name or model.registry.url)
    if platform.registry_has_credentials and not named:
        raise InvalidSpec(
            "RegistrySecretRequired",
            f"spec.model.registry.secretName is missing: {platform.registry_url} requires credentials, "
            "pods fetch the model through it, and the operator's own credentials are not copied into this "
            "namespace",
            "name a Secret here with the keys username and password, or token (or, to read "
            "straight from the store, set spec.model.storeSecretName)",
        )
