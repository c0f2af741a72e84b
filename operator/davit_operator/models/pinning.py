"""Choose the pin to roll out: what the reference names now, or the last good one while that is unknown."""

from dataclasses import dataclass, replace
from datetime import datetime

from davit_registry import Reference, StoredModel, parse_reference
from davit_registry.resolved import ResolvedModel
from davit_resource.objects import Ref
from davit_resource.v1alpha1 import ModelDeploymentSpec, ModelSpec, ModelStatus, Resource

from davit_operator.domain.access import ListingAccess, Route
from davit_operator.domain.errors import DavitError, Denied, translated
from davit_operator.domain.pin import Pin
from davit_operator.models.credentials import Credentials
from davit_operator.models.lookups import Lookups
from davit_operator.models.pins import pin_from_status
from davit_operator.models.route import Platform, choose_route, registry_url


@dataclass(frozen=True, slots=True)
class Choice:
    """The pin to roll out, and what kept us from finding a newer one.

    Attributes:
        target: What the pods shall serve; None when nothing was ever resolved.
        is_current: Whether the target came from the reference and registry that the spec names now.
        resolution: Why the reference could not be resolved; None when it was, or was not looked up.
    """

    target: Pin | None
    is_current: bool
    resolution: DavitError | None = None


class Pinner:
    """Turns references into pins.

    Args:
        lookups: Registry and stores.
        credentials: How to reach them.
        platform: What the operator's settings offer.
    """

    def __init__(self, lookups: Lookups, credentials: Credentials, platform: Platform) -> None:
        self._lookups = lookups
        self._credentials = credentials
        self._platform = platform

    async def choose(self, resource: Resource, spec: ModelDeploymentSpec) -> Choice:
        """Resolve the reference, unless the spec is suspended; keep the last pin when that fails."""
        if spec.suspend:
            return self.keep(resource, spec)
        try:
            return Choice(await self._pin(resource, spec.model), is_current=True)
        except DavitError as problem:
            return replace(self.keep(resource, spec), resolution=problem)

    def keep(self, resource: Resource, spec: ModelDeploymentSpec) -> Choice:
        """Choose the last pin."""
        stored = resource.status.model.target
        last = pin_from_status(stored) if stored else None
        return Choice(last, self._is_current(last, spec.model))

    async def resolve(self, namespace: str, model: ModelSpec, since: datetime | None = None) -> ResolvedModel:
        """Resolve a reference, without reading the files.

        Args:
            namespace: Where the spec's Secrets are.
            model: The reference and its registry.
            since: An older answer does not count; when None, one from within the last interval does.

        Raises:
            DavitError: It names nothing, or that is unknown.
        """
        reference = read_reference(model.uri)
        if isinstance(reference, StoredModel):
            return ResolvedModel(uri=model.uri, registry="", location=model.uri)
        login = await self._credentials.for_registry(namespace, model)
        return await self._lookups.resolve(reference, login, since)

    async def _pin(self, resource: Resource, model: ModelSpec) -> Pin:
        source = await self.resolve(resource.ref.namespace, model)
        route = choose_route(source.location, model, self._platform)
        settled = _settled(source, resource.status.model)
        if settled:
            return settled
        access = await self._credentials.for_listing(resource.ref.namespace, model, route)
        try:
            return Pin(source, *await self._lookups.contents(route.listing, access))
        except DavitError as error:
            hint = _name_credentials(resource.ref, model, route) if isinstance(error, Denied) else ""
            cure = "; ".join(filter(None, (error.cure, hint)))
            raise type(error)(error.reason, _with_version(source, error.cause), cure) from error

    def _is_current(self, last: Pin | None, model: ModelSpec) -> bool:
        if last is None or last.source.uri != model.uri:
            return False
        return last.source.registry in {"", registry_url(model, self._platform)}


def read_reference(uri: str) -> Reference:
    """Parse a reference.

    Raises:
        InvalidSpec: It has none of the six forms.
    """
    with translated("spec.model.uri"):
        return parse_reference(uri)


def _settled(source: ResolvedModel, status: ModelStatus) -> Pin | None:
    """Return the pin of a model that already serves: its files need not be listed again.

    A model that does not serve yet is listed anew, because its files may have been repaired meanwhile.
    """
    if status.target is None or status.serving is None:
        return None
    target, serving = pin_from_status(status.target), pin_from_status(status.serving)
    fits = target.source.identity == source.identity and target.same_model(serving)
    return replace(target, source=source) if fits else None


def _with_version(source: ResolvedModel, cause: str) -> str:
    """Name the version: a store knows locations, not versions."""
    return f"{source.name}/{source.version}: {cause}" if source.version else cause


def _name_credentials(ref: Ref, model: ModelSpec, route: Route) -> str:
    """Name the Secret of rejected credentials: a store knows keys, not Secrets."""
    match route.access:
        case ListingAccess.STORE_SECRET:
            secret = f"{ref.namespace}/{model.store_secret_name}"
            return f"the credentials are those of Secret {secret}, which spec.model.storeSecretName names"
        case ListingAccess.OPERATOR_STORE:
            return "the credentials are the operator's own, from its connection Secret"
        case ListingAccess.PROXY:
            return ""
