"""The `Registry` port over MLflow's REST API."""

from davit_registry import Reference
from davit_registry.credentials import Credentials
from davit_registry.mlflow import MlflowClient

from davit_operator.adapters.registry_errors import translated
from davit_operator.domain.access import RegistryAccess
from davit_operator.domain.pin import Source

_MOST_CLIENTS = 64


class MlflowRegistry:
    """Asks MLflow servers; keeps a client, with its connections, for each one and each login.

    Args:
        ca_bundle: A file of authorities to trust besides the usual ones; empty for none.
    """

    def __init__(self, ca_bundle: str = "") -> None:
        self._ca_bundle = ca_bundle or None
        self._clients: dict[RegistryAccess, MlflowClient] = {}

    async def resolve(self, reference: Reference, access: RegistryAccess) -> Source:
        """Reads what a reference names now."""
        with translated(str(reference)):
            resolved = await (await self.client(access)).resolve(reference)
        return Source(
            uri=str(reference),
            registry=access.url,
            location=resolved.location,
            name=resolved.name or "",
            version=str(resolved.version or ""),
            run_id=resolved.run_id or "",
            model_id=resolved.model_id or "",
        )

    async def client(self, access: RegistryAccess) -> MlflowClient:
        """The client for a server and a login; the one unused for longest makes room."""
        client = self._clients.pop(access, None) or self._connect(access)
        self._clients[access] = client
        if len(self._clients) > _MOST_CLIENTS:
            await self._clients.pop(next(iter(self._clients))).aclose()
        return client

    async def aclose(self) -> None:
        """Closes all connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    def _connect(self, access: RegistryAccess) -> MlflowClient:
        login = Credentials(username=access.username, password=access.password, token=access.token)
        return MlflowClient(access.url, login if access.has_credentials else None, ca_bundle=self._ca_bundle)
