"""Fetches against `StoreServer`, with small parts and short pauses."""

import ssl
from pathlib import Path

from davit_registry.ca_certificates import create_ssl_context
from davit_registry.login import RegistryLogin
from davit_registry.rest import MlflowRest
from davit_registry.stores.mlflow_proxy import ProxySource
from davit_registry.stores.s3 import S3Source
from davit_registry.stores.source import Source
from davit_server.artifacts.destination import Destination
from davit_server.artifacts.fetch import Fetch, FetchReport
from davit_server.artifacts.retry import RetryPolicy
from support.fakes.store_server import ROOT, StoreServer

PART = 64 << 10
MODEL = "1/models/m-1/artifacts"
LOCATION = f"s3://mlflow/{ROOT}{MODEL}"
HURRIED = RetryPolicy(attempts=4, first_seconds=0.001, longest_seconds=0.01)


def put_model(store: StoreServer, **files: bytes) -> None:
    """A model with an MLmodel file and whatever else is given; `__` in a name stands for `/`."""
    store.put(f"{ROOT}{MODEL}/MLmodel", b"flavors: {}\n")
    for name, content in files.items():
        store.put(f"{ROOT}{MODEL}/{name.replace('__', '/')}", content)


def big(parts: float = 3) -> bytes:
    """Content of so many parts in which no two stretches are alike."""
    return b"".join(number.to_bytes(4, "big") for number in range(int(parts * PART / 4)))


def s3_source(store: StoreServer) -> Source:
    return S3Source(LOCATION, store.options)


def proxy_source(store: StoreServer, **options: bool) -> ProxySource:
    return ProxySource(
        f"mlflow-artifacts:/{MODEL}", MlflowRest(RegistryLogin(store.url, "ada", "pw")), **options
    )


async def fetch(
    source: Source,
    path: Path,
    digest: str = "",
    *,
    destination: Destination | None = None,
    trusted: ssl.SSLContext | None = None,
) -> FetchReport:
    """A fetch as a container would do it."""
    work = Fetch(
        source,
        LOCATION,
        destination or Destination(path),
        trusted or create_ssl_context(),
        part_bytes=PART,
        retry=HURRIED,
    )
    try:
        return await work.run(digest)
    finally:
        await source.aclose()


def fetched(path: Path) -> dict[str, bytes]:
    """The files of a destination that are the model's."""
    found = (file for file in sorted(path.rglob("*")) if file.is_file() and ".davit" not in file.parts)
    return {str(file.relative_to(path)): file.read_bytes() for file in found}
