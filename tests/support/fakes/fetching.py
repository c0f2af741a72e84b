"""Fetches against `StoreServer`, with small parts and short pauses."""

import ssl
from pathlib import Path

from davit_registry.credentials import Credentials
from davit_registry.mlflow import MlflowClient
from davit_registry.trust import trust
from davit_server.artifacts.destination import Destination
from davit_server.artifacts.fetch import Fetch, FetchReport
from davit_server.artifacts.mlflow_proxy import ProxySource
from davit_server.artifacts.patience import Patience
from davit_server.artifacts.s3 import S3Source
from davit_server.artifacts.source import Source
from support.fakes.store_server import ROOT, StoreServer

PART = 64 << 10
MODEL = "1/models/m-1/artifacts"
LOCATION = f"s3://mlflow/{ROOT}{MODEL}"
HURRIED = Patience(tries=4, first_seconds=0.001, longest_seconds=0.01)


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
        f"mlflow-artifacts:/{MODEL}", MlflowClient(store.url, Credentials("ada", "pw")), **options
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
        trusted or trust(),
        part_bytes=PART,
        patience=HURRIED,
    )
    try:
        return await work.run(digest)
    finally:
        await source.aclose()


def fetched(path: Path) -> dict[str, bytes]:
    """The files of a destination that are the model's."""
    found = (file for file in sorted(path.rglob("*")) if file.is_file() and ".davit" not in file.parts)
    return {str(file.relative_to(path)): file.read_bytes() for file in found}
