"""A real MLflow server and a real S3 store as processes on loopback, for contract tests without a cluster."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from davit_registry.stores.s3 import S3Options
from support.servers.processes import free_port

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Store:
    """An S3 server with one bucket named `mlflow`."""

    options: S3Options

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its clients."""
        return {
            "AWS_ACCESS_KEY_ID": self.options.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.options.secret_access_key,
            "AWS_ENDPOINT_URL": self.options.endpoint_url,
            "AWS_REGION": "us-east-1",
            "MLFLOW_S3_ENDPOINT_URL": self.options.endpoint_url,
        }

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.options.endpoint_url,
            aws_access_key_id=self.options.access_key_id,
            aws_secret_access_key=self.options.secret_access_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}),
        )


@contextmanager
def running_store(folder: Path) -> Iterator[Store]:
    """versitygw over a folder."""
    data = folder / "data"
    data.mkdir(parents=True)
    port = free_port()
    options = S3Options("davit", "davit-secret-key", endpoint_url=f"http://127.0.0.1:{port}")
    credentials = {"ROOT_ACCESS_KEY": options.access_key_id, "ROOT_SECRET_KEY": options.secret_access_key}
    found = subprocess.run(
        [sys.executable, "-m", "devcluster", "tool", "versitygw"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    command = [found.stdout.strip(), "--port", f"127.0.0.1:{port}", "posix", str(data)]
    with running(command, folder / "log", credentials):
        wait_for(options.endpoint_url)
        store = Store(options)
        store.client().create_bucket(Bucket="mlflow")
        yield store


@contextmanager
def running_mlflow(folder: Path, store: Store | None = None) -> Iterator[str]:
    """An MLflow server with one worker; its artifacts in the store, or else in the folder. Yields its URL."""
    folder.mkdir(parents=True)
    port = free_port()
    destination = "s3://mlflow/artifacts" if store else str(folder / "artifacts")
    command = [str(BIN / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += [
        "--backend-store-uri",
        f"sqlite:///{folder}/mlflow.db",
        "--artifacts-destination",
        destination,
    ]
    environment = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **(store.environment if store else {}),
    }
    with running(command, folder / "log", environment):
        wait_for(f"http://127.0.0.1:{port}/health")
        yield f"http://127.0.0.1:{port}"


@contextmanager
def running(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process and nothing of it afterwards."""
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=stream, stderr=stream, start_new_session=True
        )
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, seconds: float = 90) -> None:
    """Until something answers, whatever it says."""
    limit = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as answer:
            answer.close()
            return
        except OSError:
            if time.monotonic() > limit:
                raise
        time.sleep(0.1)
