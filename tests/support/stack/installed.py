"""The installed MLflow stack: its store, its connection Secret, its pods."""

import base64
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from examples.demo.kubectl import Kubectl
from examples.demo.serving import send
from examples.demo.stage import NAMESPACE

Model = dict[str, Any]

_PROXY = "mlflow-artifacts:/"


def connection(kubectl: Kubectl) -> dict[str, str]:
    """What the stack tells the operator: the operator's environment, by name."""
    data = kubectl.get("secret", "mlflow-davit-connection", "--namespace", NAMESPACE)["data"]
    return {name: base64.b64decode(value).decode() for name, value in data.items()}


def store_location(kubectl: Kubectl, model: Model) -> str:
    """The s3:// URI of a model's files."""
    root = connection(kubectl)["DAVIT_ARTIFACTS_DESTINATION"].rstrip("/")
    return f"{root}/{model['location'].removeprefix(_PROXY)}"


def store_secret(kubectl: Kubectl, namespace: str, **changes: str) -> None:
    """The Secret `store` for direct access to the store, with some keys changed."""
    data = {name: value for name, value in connection(kubectl).items() if name.startswith("AWS_")}
    metadata = {"name": "store", "namespace": namespace}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {**data, **changes}}
    )


def delete_artifact(url: str, model: Model, path: str) -> None:
    """Delete one file of a logged model directly in the store."""
    file = f"{model['location'].removeprefix(_PROXY)}/{path}"
    request = urllib.request.Request(f"{url}/api/2.0/mlflow-artifacts/artifacts/{file}", method="DELETE")
    with urllib.request.urlopen(request, timeout=30):
        pass


@contextmanager
def stopped(kubectl: Kubectl) -> Iterator[None]:
    """MLflow and its store have no pods while the block runs."""
    parts = ["deployment/mlflow", "statefulset/mlflow-versitygw"]
    here = ("--namespace", NAMESPACE)
    kubectl("scale", *parts, "--replicas=0", *here)
    try:
        yield
    finally:
        kubectl("scale", *parts, "--replicas=1", *here)
        for part in parts:
            kubectl("rollout", "status", part, "--timeout=180s", *here, timeout=200)


def operator_metrics(kubectl: Kubectl) -> str:
    """Return the operator's metrics."""
    with kubectl.forward(NAMESPACE, "deploy/davit-operator", 8080) as url:
        return send(url, path="/metrics").body
