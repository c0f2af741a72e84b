"""A kind of store that `davit fetch` has never seen works by its row and its module."""

from pathlib import Path

import pytest
from davit_registry.stores import table
from davit_server.cli import main
from support.fakes.fetching import fetched
from support.fakes.model_store import FAKE, FILES
from support.fakes.store_server import StoreServer

pytestmark = pytest.mark.usefixtures("log_settings_as_before")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, store: StoreServer, tmp_path: Path) -> None:
    monkeypatch.setattr(table, "STORES", (*table.STORES, FAKE))
    for path, content in FILES.items():
        store.put(f"iris/1/{path}", content)
    for name, value in {
        "DAVIT_FETCH_LOCATION": "fake://iris/1",
        "DAVIT_FETCH_DESTINATION": str(tmp_path / "model"),
        "DAVIT_TERMINATION_LOG": str(tmp_path / "termination"),
        "FAKE_ACCOUNT_KEY": "right",
        "FAKE_ENDPOINT": store.url,
    }.items():
        monkeypatch.setenv(name, value)


def test_fetch_lists_and_downloads_by_the_row_of_the_scheme(tmp_path: Path):
    assert main(["fetch"]) == 0
    assert fetched(tmp_path / "model") == FILES


def test_its_errors_reach_the_termination_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("FAKE_ACCOUNT_KEY", "wrong")
    (tmp_path / "termination").touch()
    assert main(["fetch"]) == 1
    assert '"reason": "StoreDenied"' in (tmp_path / "termination").read_text()
