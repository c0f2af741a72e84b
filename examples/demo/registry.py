"""The few calls of MLflow's REST API that the demo makes."""

import json
import urllib.request
from typing import Any

API = "/api/2.0/mlflow"


def move_alias(url: str, name: str, alias: str, version: int) -> None:
    """Set an alias of a registered model to another version."""
    call(url, "POST", "/registered-models/alias", {"name": name, "alias": alias, "version": str(version)})


def call(url: str, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call MLflow's REST API; `path` is relative to `/api/2.0/mlflow`."""
    request = urllib.request.Request(  # noqa: S310  (the URL is a port-forward of our own)
        url + API + path,
        data=json.dumps(body).encode(),
        method=method,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        answer: dict[str, Any] = json.load(response)
    return answer
