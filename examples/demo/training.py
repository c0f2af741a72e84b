"""Trains models and predicts with them by the example scripts, against the MLflow server in the cluster."""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

from devcluster.commands import run
from devcluster.errors import DevclusterError
from examples.demo.kubectl import Object

SCRIPTS = Path(__file__).parents[1]

CLIENT = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # The server offers direct downloads from the store, whose address does not resolve outside the cluster.
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "false",
}


def train(url: str, *options: str) -> tuple[int, str]:
    """Run `train_iris.py`. Return the number of the new version, and the script's output."""
    printed = _script(url, "train_iris.py", *options)
    found = re.search(r"^registered \S+ version (\d+)$", printed, re.MULTILINE)
    if not found:
        raise DevclusterError("train_iris.py did not print the version that it registered")
    return int(found[1]), printed


def predict_locally(url: str, uri: str, document: Object) -> list[object]:
    """Return the model's own predictions, loaded from MLflow into a process on this machine."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        answer: list[object] = json.loads(_script(url, "predict_locally.py", uri, file.name))
    return answer


def _script(url: str, name: str, *arguments: str) -> str:
    environment = {**os.environ, **CLIENT, "MLFLOW_TRACKING_URI": url}
    return run([sys.executable, str(SCRIPTS / name), *arguments], environment=environment, timeout=300)
