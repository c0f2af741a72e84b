"""The `Store` port: files listed and read in the store of their location, whatever its kind."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from davit_registry import File
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.stores.reading import read_files
from davit_registry.stores.source import Source, StoreAccess
from davit_registry.stores.table import ca_files, open_source

from davit_operator.domain.errors import translated


class ModelStores:
    """Lists and reads the files of models.

    Args:
        ca_file: PEM file of the CA certificates to trust instead of the system's; empty for those.
    """

    def __init__(self, ca_file: str = "") -> None:
        self._ca_file = ca_file

    async def list_files(self, location: str, access: StoreAccess) -> Sequence[File]:
        """List every file of a model."""
        async with self._opened(location, access) as source:
            return await source.list_files()

    async def read_files(
        self, location: str, limits: Mapping[File, int], access: StoreAccess
    ) -> Mapping[str, bytes]:
        """Read small files of a model, each up to its limit in bytes."""
        async with self._opened(location, access) as source:
            own = ca_files(access.values) or [self._ca_file]
            return await read_files(source, limits, create_ssl_context(*own))

    @asynccontextmanager
    async def _opened(self, location: str, access: StoreAccess) -> AsyncIterator[Source]:
        with translated(location):
            source = open_source(location, replace(access, ca_file=self._ca_file))
            try:
                yield source
            finally:
                await source.aclose()
