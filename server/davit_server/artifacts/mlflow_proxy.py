"""Files behind MLflow's artifact proxy: presigned URLs where the server offers them, else its own stream."""

from davit_registry import File, Unavailable
from davit_registry.mlflow import MlflowClient
from davit_registry.proxy import list_proxy, presign, proxied_url, split_proxy

from davit_server.artifacts.source import Permission


class ProxySource:
    """A model under `mlflow-artifacts:/…`.

    Args:
        location: That URI.
        client: The MLflow server; closed with this source.
        falls_back: Whether files may come through the server itself when the store cannot be reached.
            Presigned URLs name the store as the server sees it, often an address inside a cluster. Without
            the store there are no entity tags, so a pinned digest would not be met.
    """

    def __init__(self, location: str, client: MlflowClient, *, falls_back: bool = False) -> None:
        self._location = location
        self._root = split_proxy(location)
        self._client = client
        self._falls_back = falls_back
        self._direct = True

    async def list_files(self) -> list[File]:
        """Every file below the location."""
        try:
            files = await list_proxy(self._client, self._location, etags=self._direct)
        except Unavailable as error:
            if not (self._falls_back and self._direct and error.reason.startswith("Store")):
                raise
            files = await list_proxy(self._client, self._location, etags=False)
        # Tags come by presigned URLs alone: without one, nobody need ask for such URLs again.
        self._direct = any(file.etag for file in files)
        return files

    async def permit(self, file: File) -> Permission:
        """A presigned URL, or the server's own."""
        path = f"{self._root}/{file.path}"
        signed = await presign(self._client, path) if self._direct else None
        if signed:
            return Permission(signed.url, signed.headers)
        return Permission(proxied_url(self._client, path), self._client.login_headers(), ranges=False)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()
