"""The `Store` port: files listed straight in S3, or through MLflow's artifact proxy."""

from collections.abc import Sequence

from davit_registry import File
from davit_registry.proxy import list_proxy
from davit_registry.s3 import S3Options, list_s3

from davit_operator.adapters.registry_errors import translated
from davit_operator.adapters.registry_mlflow import MlflowRegistry
from davit_operator.domain.access import RegistryAccess, StoreAccess


class ModelStore:
    """Lists the files of models.

    Args:
        registry: Its clients reach the artifact proxies.
        ca_bundle: A file of authorities to trust instead of the usual ones; empty for those.
    """

    def __init__(self, registry: MlflowRegistry, ca_bundle: str = "") -> None:
        self._registry = registry
        self._ca_bundle = ca_bundle

    async def list_files(self, location: str, access: RegistryAccess | StoreAccess) -> Sequence[File]:
        """Lists every file of a model."""
        with translated(location):
            if isinstance(access, RegistryAccess):
                return await list_proxy(await self._registry.client(access), location)
            return await list_s3(location, _options(access, self._ca_bundle))


def _options(access: StoreAccess, ca_bundle: str) -> S3Options:
    return S3Options(
        access_key_id=access.access_key_id,
        secret_access_key=access.secret_access_key,
        session_token=access.session_token,
        region=access.region,
        endpoint_url=access.endpoint_url,
        ca_bundle=ca_bundle,
    )
