"""The credentials for a ModelDeployment's registry and store: those of its Secrets, or our own."""

from collections.abc import Sequence

from davit_registry.login import REQUIRED_KEYS, SECRET_KEYS, RegistryLogin
from davit_registry.stores.source import StoreAccess
from davit_registry.stores.table import store_kind
from davit_resource.v1alpha1 import ModelSpec

from davit_operator.domain.access import ListingAccess, Route
from davit_operator.domain.errors import Denied
from davit_operator.domain.ports import Cluster
from davit_operator.models.route import Platform, choose_registry_url


class Credentials:
    """Reads the Secrets that a spec names, at the moment they are needed; keeps none.

    Args:
        cluster: Where Secrets are.
        platform: The operator's own registry and store.
        registry: The operator's login to its own registry.
        store: The operator's own access to the store behind it.
    """

    def __init__(
        self, cluster: Cluster, platform: Platform, registry: RegistryLogin, store: StoreAccess
    ) -> None:
        self._cluster = cluster
        self._platform = platform
        self._registry = registry
        self._store = store

    async def for_registry(self, namespace: str, model: ModelSpec) -> RegistryLogin:
        """Return the login to the registry of a model. Our own credentials go to our own registry only.

        Raises:
            InvalidSpec: No registry is named anywhere.
            Denied: The Secret or the keys in it are missing.
        """
        url = choose_registry_url(model, self._platform)
        wanted = model.registry
        if wanted is None:
            return self._registry
        if wanted.secret_name is None:
            return RegistryLogin(url)
        field = "spec.model.registry.secretName"
        secret = await self._read(namespace, wanted.secret_name, field)
        _require(secret, REQUIRED_KEYS, f"{namespace}/{wanted.secret_name}", field)
        return RegistryLogin(url, **{key: secret[key] for key in SECRET_KEYS if key in secret})

    async def for_listing(self, namespace: str, model: ModelSpec, route: Route) -> StoreAccess:
        """Return the access with which the operator lists the files at the end of a route.

        Raises:
            InvalidSpec: No registry is named anywhere.
            Denied: A Secret or the keys in it are missing.
        """
        match route.access:
            case ListingAccess.PROXY:
                return StoreAccess((await self.for_registry(namespace, model)).environment())
            case ListingAccess.OPERATOR_STORE:
                return self._store
            case ListingAccess.STORE_SECRET:
                return await self._for_store(namespace, model.store_secret_name or "", route.listing)

    async def _for_store(self, namespace: str, name: str, location: str) -> StoreAccess:
        field, kind = "spec.model.storeSecretName", store_kind(location)
        secret = await self._read(namespace, name, field)
        _require(secret, kind.required_keys, f"{namespace}/{name}", field)
        return kind.read_secret(secret)

    async def _read(self, namespace: str, name: str, field: str) -> dict[str, str]:
        secret = await self._cluster.read_secret(namespace, name)
        if secret is None:
            raise Denied(
                "SecretMissing", f"{field} names Secret {namespace}/{name}, which does not exist", "create it"
            )
        return secret


def _require(secret: dict[str, str], choices: Sequence[Sequence[str]], name: str, field: str) -> None:
    if not any(all(secret.get(key) for key in keys) for keys in choices):
        wanted = ", or ".join(" and ".join(keys) for keys in choices)
        raise Denied(
            "SecretKeyMissing", f"{field} names Secret {name}, which lacks keys", f"give it {wanted}"
        )
