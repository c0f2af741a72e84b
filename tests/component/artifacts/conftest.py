"""A store that misbehaves on request: one for all tests, since every new address costs boto3 a new client."""

import logging
import signal
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


@pytest.fixture
def log_settings_as_before():
    """`davit fetch` owns its process, and with it the root logger."""
    root = logging.getLogger()
    handlers, level, terminate = root.handlers[:], root.level, signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, terminate)
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
