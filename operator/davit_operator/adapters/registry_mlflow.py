"""The `Registry` port over MLflow's REST API."""

from davit_registry import Reference
from davit_registry.login import RegistryLogin
from davit_registry.mlflow import MlflowClient
from davit_registry.resolved import ResolvedModel

from davit_operator.domain.errors import translated

_MOST_CLIENTS = 64


class MlflowRegistry:
    """Queries MLflow servers; keeps a client, with its connections, for each server and login.

    Args:
        ca_file: PEM file of CA certificates to trust besides the system's; empty for none.
    """

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file
        self._clients: dict[RegistryLogin, MlflowClient] = {}

    async def resolve(self, reference: Reference, login: RegistryLogin) -> ResolvedModel:
        """Resolve a reference to what it names now."""
        with translated(str(reference)):
            return await (await self.client(login)).resolve(reference)

    async def client(self, login: RegistryLogin) -> MlflowClient:
        """Return the client for a server and a login; the least recently used one makes room."""
        client = self._clients.pop(login, None) or MlflowClient(login, ca_file=self._ca_file)
        self._clients[login] = client
        if len(self._clients) > _MOST_CLIENTS:
            await self._clients.pop(next(iter(self._clients))).aclose()
        return client

    async def aclose(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()
