"""The guides of `examples/guides`, run against an installed stack as a pod would run them: by its Service's name."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from support.client_environment import client_environment
from support.cluster_network import ClusterNetwork
from support.live_cluster import fresh_namespace
from support.tracking import Tracking

from examples.demo.charts import Helm
from examples.demo.cluster import Cluster
from examples.demo.kubectl import Kubectl

FOLDER = Path(__file__).parents[2] / "examples" / "guides"
EXPECTATIONS = Path(__file__).with_name("guide_expectations.py")

# MLflow's version to the file of the guides that pins a client of it.
CLIENTS = {"3.17": "requirements.txt", "2.22": "requirements-mlflow2.txt"}

_SECONDS = 400
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
}


@dataclass(frozen=True)
class Stack:
    """MLflow as the chart installs it, in a namespace of its own; `tracking` reads it from outside."""

    namespace: str
    tracking: Tracking

    @property
    def url(self) -> str:
        """MLflow by its Service's name."""
        return f"http://mlflow.{self.namespace}.svc:5000"


@contextmanager
def installed_stack(helm: Helm, kubectl: Kubectl, images: list[str]) -> Iterator[Stack]:
    """The chart in a fresh namespace."""
    local = any(image.startswith("davit.dev/postgresql:") for image in images)
    with fresh_namespace(kubectl) as place:
        files = ["values-local-images.yaml"] if local else []
        helm.install("mlflow", "mlflow-stack", place.namespace, files=files)
        # From outside by the Service's address: a port-forward would not live as long as a story takes.
        service = kubectl.get("service", "mlflow", "--namespace", place.namespace)
        address = f"http://{service['spec']['clusterIP']}:5000"
        host = {"Host": f"mlflow.{place.namespace}.svc:5000"}
        with httpx.Client(base_url=address, headers=host, timeout=60) as http:
            yield Stack(place.namespace, Tracking(http))


@dataclass(frozen=True)
class Guides:
    """The guides with one client of MLflow, inside the network of the cluster."""

    client: str
    stack: Stack
    network: ClusterNetwork
    home: Path

    @classmethod
    def prepare(cls, client: str, stack: Stack, cluster: Cluster, kubectl: Kubectl, home: Path) -> "Guides":
        """Make the client's environment, which takes a minute the first time."""
        client_environment(FOLDER / CLIENTS[client])
        return cls(client, stack, ClusterNetwork.of(cluster, kubectl, home), home)

    def run(self, *command: str) -> str:
        """Run a program of the client's environment in the guides' folder and return what it printed."""
        programs = client_environment(FOLDER / CLIENTS[self.client]) / "bin"
        path = f"{programs}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": str(self.home), "MLFLOW_TRACKING_URI": self.stack.url, **_QUIET}
        done = subprocess.run(
            self.network.inside(*command),
            cwd=FOLDER,
            env=environment,
            timeout=_SECONDS,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def follow(self, script: str) -> str:
        """Run one script."""
        return self.run("python", script)

    def expect(self, what: str, *arguments: str) -> Any:
        """What the same libraries say without MLflow; see guide_expectations.py."""
        return json.loads(self.run("python", str(EXPECTATIONS), what, *arguments).splitlines()[-1])
