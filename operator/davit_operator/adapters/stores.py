"""The `Store` port: files listed in the store of their location, whatever its kind."""

from collections.abc import Sequence
from dataclasses import replace

from davit_registry import File
from davit_registry.stores.source import StoreAccess
from davit_registry.stores.table import open_source

from davit_operator.domain.errors import translated


class ModelStores:
    """Lists the files of models.

    Args:
        ca_file: PEM file of the CA certificates to trust instead of the system's; empty for those.
    """

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file

    async def list_files(self, location: str, access: StoreAccess) -> Sequence[File]:
        """List every file of a model."""
        with translated(location):
            source = open_source(location, replace(access, ca_file=self._ca_file))
            try:
                return await source.list_files()
            finally:
                await source.aclose()
