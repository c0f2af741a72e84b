"""What a real model says about its environment, read from a real MLflow server and a real S3 store."""

import pytest
from davit_environment.need import FILES, read_needs
from davit_registry.ca_certificates import create_ssl_context
from davit_registry.errors import StoreUnavailable
from davit_registry.login import RegistryLogin
from davit_registry.stores.reading import read_files
from davit_registry.stores.s3 import S3Source
from davit_registry.stores.source import Source, StoreAccess
from davit_registry.stores.table import open_source

pytestmark = pytest.mark.stack


def location_of(registry) -> str:
    return f"mlflow-artifacts:/0/models/{registry.made['first']['model']}/artifacts"


def source_of(registry, kind: str) -> Source:
    location = location_of(registry)
    if kind == "s3":
        return S3Source(registry.in_store(location), registry.store.options)
    return open_source(location, StoreAccess(RegistryLogin(registry.url).environment()))


@pytest.mark.parametrize("kind", ["s3", "proxy"])
async def test_the_small_files_of_a_model_say_what_it_needs(registry, kind: str):
    source = source_of(registry, kind)
    try:
        small = [file for file in await source.list_files() if file.path in FILES]
        needs = read_needs(await read_files(source, dict.fromkeys(small, 1 << 20), create_ssl_context()))
    finally:
        await source.aclose()
    assert needs.python
    assert needs.refusals == ()
    assert "mlflow" in {requirement.name for requirement in needs.requirements}


async def test_a_file_with_another_tag_is_not_read(registry):
    source = source_of(registry, "s3")
    [file] = [file for file in await source.list_files() if file.path == "MLmodel"]
    changed = type(file)(file.path, file.size, "0" * 32)
    with pytest.raises(StoreUnavailable, match="MLmodel has changed"):
        await read_files(source, {changed: 100}, create_ssl_context())
