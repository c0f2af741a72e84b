"""The program of `helm test`: uses MLflow in the cluster as its users do, by its Service's names."""

import json
import logging
import os
import urllib.request
from base64 import b64encode
from pathlib import Path
from tempfile import mkdtemp
from uuid import uuid4

import ca_certificates
import mlflow

logger = logging.getLogger("check_stack")


def call(url: str, *, body: bytes | None = None, headers: dict[str, str] | None = None) -> bytes:
    """Send a request; raise for any status but 2xx."""
    request = urllib.request.Request(url, data=body, headers=headers or {})  # noqa: S310 - http or https
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        return bytes(answer.read())


def login() -> dict[str, str]:
    """Return the Authorization header of the administrator where MLflow has users, else nothing."""
    if "MLFLOW_TRACKING_USERNAME" not in os.environ:
        return {}
    credentials = f"{os.environ['MLFLOW_TRACKING_USERNAME']}:{os.environ['MLFLOW_TRACKING_PASSWORD']}"
    return {"Authorization": f"Basic {b64encode(credentials.encode()).decode()}"}


def check_names() -> None:
    """Check that each name of the Service is an allowed host, and that browser pages from there may write."""
    search = json.dumps({"max_results": 1}).encode()
    scheme = os.environ["MLFLOW_TRACKING_URI"].partition(":")[0]
    for name in os.environ["MLFLOW_SERVICE_NAMES"].split(","):
        server = f"{scheme}://{name}:{os.environ['MLFLOW_SERVICE_PORT']}"
        headers = {"Content-Type": "application/json", "Origin": server, **login()}
        call(f"{server}/api/2.0/mlflow/experiments/search", body=search, headers=headers)
        logger.info("%s answers", server)


def check_round_trip() -> None:
    """Log a run with a metric and an artifact and read both back."""
    content = f"davit {uuid4()}\n"
    name = f"helm-test-{uuid4()}"
    experiment = mlflow.create_experiment(name)
    try:
        with mlflow.start_run(experiment_id=experiment) as run:
            mlflow.log_metric("answer", 42)
            mlflow.log_text(content, "notes/hello.txt")
        if mlflow.get_run(run.info.run_id).data.metrics != {"answer": 42}:
            raise AssertionError("the metric that was logged is not in the database")
        check_artifact(run.info.artifact_uri, content)
    finally:
        mlflow.delete_experiment(experiment)


def check_artifact(root: str, content: str) -> None:
    """Read the artifact through the server and, where the store has presigned URLs, directly from it."""
    uri = f"{root}/notes/hello.txt"
    downloaded = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=mkdtemp())
    if Path(downloaded).read_text() != content:
        raise AssertionError("the artifact that the server returns differs from the one that was logged")
    logger.info("The artifact can be read through the server")
    if os.environ["MLFLOW_STORE_PRESIGNS"] != "true":
        return
    path = uri.removeprefix("mlflow-artifacts:/").lstrip("/")
    server = os.environ["MLFLOW_TRACKING_URI"]
    signed = json.loads(call(f"{server}/api/2.0/mlflow-artifacts/presigned/{path}", headers=login()))
    if call(signed["url"], headers=signed.get("headers")) != content.encode():
        raise AssertionError("the file at the presigned URL differs from the artifact that was logged")
    logger.info("The artifact can be read from the store by a presigned URL")


def main() -> None:
    """Run the checks in order; the first failure ends them."""
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    ca_certificates.trust()
    check_names()
    check_round_trip()
    logger.info("The stack works")


if __name__ == "__main__":
    main()
