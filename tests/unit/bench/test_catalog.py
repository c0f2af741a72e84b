import re
from pathlib import Path

import pytest

from bench.environments import PEERS
from bench.models import MODELS
from bench.places import REQUIREMENTS, ROOT
from bench.servers import BASE, SERVERS

MODEL_PINS = dict(re.findall(r"^([\w-]+)==([\w.]+)", (REQUIREMENTS / "models.in").read_text(), re.MULTILINE))


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==([\w.]+)", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_has_the_models_libraries_in_the_same_versions(name):
    found = pins(REQUIREMENTS / f"{name}.txt")
    assert {library: found.get(library) for library in MODEL_PINS} == MODEL_PINS


def test_davit_has_the_same_library_versions_as_its_peers():
    locked: dict[str, set[str]] = {}
    for name, version in re.findall(
        r'^name = "(.+)"\nversion = "(.+)"$', (ROOT / "uv.lock").read_text(), re.MULTILINE
    ):
        locked.setdefault(name, set()).add(version)
    assert "numpy" in locked
    assert not {name for name, version in MODEL_PINS.items() if version not in locked.get(name, {version})}


def test_every_server_lists_existing_models():
    names = {model.name for model in MODELS}
    assert all(names.issuperset(server.models) for server in SERVERS)


def test_the_base_is_measured_with_every_model():
    assert [server.models for server in SERVERS if server.name == BASE] == [()]
