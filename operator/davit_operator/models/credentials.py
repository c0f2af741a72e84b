"""With which credentials a ModelDeployment's registry and store are read: those of its Secrets, or ours."""

from davit_resource.v1alpha1 import ModelSpec

from davit_operator.domain.access import RegistryAccess, Route, StoreAccess, Through
from davit_operator.domain.errors import Denied
from davit_operator.domain.ports import Cluster
from davit_operator.models.route import Platform, choose_registry_url

_STORE_KEYS = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_REGION": "region",
    "AWS_ENDPOINT_URL": "endpoint_url",
}


class Credentials:
    """Reads the Secrets that a spec names, at the moment they are needed; keeps none.

    Args:
        cluster: Where Secrets are.
        platform: The operator's own registry and store.
        registry: How the operator proves itself to its own registry.
        store: How the operator reads the store behind it.
    """

    def __init__(
        self, cluster: Cluster, platform: Platform, registry: RegistryAccess, store: StoreAccess
    ) -> None:
        self._cluster = cluster
        self._platform = platform
        self._registry = registry
        self._store = store

    async def for_registry(self, namespace: str, model: ModelSpec) -> RegistryAccess:
        """How to reach the registry of a model. Our own credentials go to our own registry only.

        Raises:
            InvalidSpec: No registry is named anywhere.
            Denied: The Secret or the keys in it are missing.
        """
        url = choose_registry_url(model, self._platform)
        wanted = model.registry
        if wanted is None:
            return self._registry
        if wanted.secret_name is None:
            return RegistryAccess(url)
        field = "spec.model.registry.secretName"
        secret = await self._read(namespace, wanted.secret_name, field)
        _require(secret, [["token"], ["username", "password"]], f"{namespace}/{wanted.secret_name}", field)
        known = {key: secret[key] for key in ("username", "password", "token") if key in secret}
        return RegistryAccess(url, **known)

    async def for_listing(
        self, namespace: str, model: ModelSpec, route: Route
    ) -> RegistryAccess | StoreAccess:
        """How the operator lists the files at the end of a route.

        Raises:
            InvalidSpec: No registry is named anywhere.
            Denied: A Secret or the keys in it are missing.
        """
        match route.through:
            case Through.PROXY:
                return await self.for_registry(namespace, model)
            case Through.OPERATOR_STORE:
                return self._store
            case Through.STORE_SECRET:
                return await self._for_store(namespace, model.store_secret_name or "")

    async def _for_store(self, namespace: str, name: str) -> StoreAccess:
        field = "spec.model.storeSecretName"
        secret = await self._read(namespace, name, field)
        _require(secret, [["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]], f"{namespace}/{name}", field)
        return StoreAccess(**{ours: secret[key] for key, ours in _STORE_KEYS.items() if key in secret})

    async def _read(self, namespace: str, name: str, field: str) -> dict[str, str]:
        secret = await self._cluster.read_secret(namespace, name)
        if secret is None:
            raise Denied(
                "SecretMissing", f"{field} names Secret {namespace}/{name}, which does not exist: create it"
            )
        return secret


def _require(secret: dict[str, str], choices: list[list[str]], name: str, field: str) -> None:
    if not any(all(secret.get(key) for key in keys) for keys in choices):
        wanted = ", or ".join(" and ".join(keys) for keys in choices)
        raise Denied("SecretKeyMissing", f"{field} names Secret {name}, which lacks keys: give it {wanted}")
