"""A real MLflow server on a real S3 store, with models logged to it in every way; started once."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from davit_registry.login import RegistryLogin
from davit_registry.mlflow import MlflowClient
from support.registry.real_registry import Store, running_mlflow, running_store


@dataclass(frozen=True)
class Registry:
    """What was started and logged."""

    url: str
    store: Store
    made: dict[str, Any]

    def client(self) -> MlflowClient:
        return MlflowClient(RegistryLogin(self.url))

    def in_store(self, location: str) -> str:
        """The `s3://` URI of what the proxy has at a location."""
        return "s3://mlflow/artifacts/" + location.removeprefix("mlflow-artifacts:/")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    folder = tmp_path_factory.mktemp("registry")
    with running_store(folder / "store") as store, running_mlflow(folder / "mlflow", store) as url:
        yield Registry(url, store, _log_models(url, folder))


def _log_models(url: str, folder: Path) -> dict[str, Any]:
    """In a process of its own: the client of MLflow keeps threads, settings and warnings."""
    script = Path(__file__).with_name("logged_models.py")
    done = subprocess.run(
        [sys.executable, str(script), url],
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        cwd=folder,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
