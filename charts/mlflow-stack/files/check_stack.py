"""What `helm test` runs in the cluster: MLflow is used the way its users use it, by its Service's names."""

import json
import logging
import os
import urllib.request
from base64 import b64encode
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import authorities
import mlflow

logger = logging.getLogger("check_stack")


def call(url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """Send a request; any status but 2xx raises."""
    request = urllib.request.Request(url, data=body, headers=headers or {})  # noqa: S310 - http or https
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return bytes(answer.read())


def login() -> dict[str, str]:
    """What proves us to MLflow, where it asks."""
    if "MLFLOW_TRACKING_USERNAME" not in os.environ:
        return {}
    proof = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    return {"Authorization": f"Basic {b64encode(proof.encode()).decode()}"}


def check_names() -> None:
    """Each name of the Service passes the host check, and a browser's page from there may change things."""
    search = json.dumps({"max_results": 1}).encode()
    scheme = os.environ["MLFLOW_TRACKING_URI"].partition(":")[0]
    for name in os.environ["MLFLOW_SERVICE_NAMES"].split(","):
        server = f"{scheme}://{name}:{os.environ['MLFLOW_SERVICE_PORT']}"
        headers = {"Content-Type": "application/json", "Origin": server, **login()}
        call(f"{server}/api/2.0/mlflow/experiments/search", body=search, headers=headers)
        logger.info("%s answers", server)


def check_round_trip() -> None:
    """A run's metric and artifact come back, the artifact also straight from the store."""
    content = f"davit {uuid4()}\n"
    name = f"helm-test-{uuid4()}"
    experiment = mlflow.create_experiment(name)
    try:
        with mlflow.start_run(experiment_id=experiment) as run:
            mlflow.log_metric("answer", 42)
            mlflow.log_text(content, "notes/hello.txt")
        if mlflow.get_run(run.info.run_id).data.metrics != {"answer": 42}:
            raise AssertionError("the metric did not come back from the database")
        check_artifact(run.info.artifact_uri, content)
    finally:
        mlflow.delete_experiment(experiment)


def check_artifact(root: str, content: str) -> None:
    """Through the tracking server, and, where the store has presigned URLs, by one past it."""
    uri = f"{root}/notes/hello.txt"
    downloaded = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=mkdtemp())
    if Path(downloaded).read_text() != content:
        raise AssertionError("the artifact came back changed")
    logger.info("The artifact came back through the server")
    if os.environ["MLFLOW_STORE_PRESIGNS"] != "true":
        return
    path = uri.removeprefix("mlflow-artifacts:/").lstrip("/")
    server = os.environ["MLFLOW_TRACKING_URI"]
    signed = json.loads(call(f"{server}/api/2.0/mlflow-artifacts/presigned/{path}", headers=login()))
    if call(signed["url"], headers=signed.get("headers")) != content.encode():
        raise AssertionError("the presigned URL leads to something else")
    logger.info("The artifact came back from the store by a presigned URL")


def main() -> None:
    """Run the checks in order; the first failure ends them."""
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    authorities.trust()
    check_names()
    check_round_trip()
    logger.info("The stack works")


if __name__ == "__main__":
    main()
