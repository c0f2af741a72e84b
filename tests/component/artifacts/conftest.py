"""A store that misbehaves on request: one for all tests, since every new address costs boto3 a new client."""

from collections.abc import Iterator

import pytest
from support.fakes.store_server import StoreServer, running_store_server


@pytest.fixture(scope="package")
def store_server() -> Iterator[StoreServer]:
    with running_store_server() as server:
        yield server


@pytest.fixture
def store(store_server: StoreServer) -> StoreServer:
    store_server.reset()
    return store_server
