"""The guides of `examples/guides`, run against an installed stack as a pod would run them: by its Service's name."""

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from support.cluster.fixtures import fresh_namespace
from support.cluster.network import ClusterNetwork
from support.stack.client_environment import client_environment
from support.stack.tracking import Tracking

from devcluster.binaries.cache import cache_root
from examples.demo.charts import Helm
from examples.demo.cluster import Cluster
from examples.demo.kubectl import Kubectl
from examples.demo.stage import stack_files

FOLDER = Path(__file__).parents[3] / "examples" / "guides"
SCRIPTS = sorted(path.name for path in FOLDER.glob("[0-9]*.py"))
EXPECTATIONS = Path(__file__).with_name("guide_expectations.py")

# MLflow's version to the file of the guides that pins a client of it.
CLIENTS = {"3.17": "requirements.txt", "2.22": "requirements-mlflow2.txt"}

_SECONDS = 400
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
    # matplotlib looks through the fonts of the machine once, not once for each client.
    "MPLCONFIGDIR": str(cache_root() / "matplotlib"),
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
    with fresh_namespace(kubectl) as place:
        helm.install("mlflow", "mlflow-stack", place.namespace, files=stack_files(images))
        # From outside by the Service's address: a port-forward would not live as long as a story takes.
        service = kubectl.get("service", "mlflow", "--namespace", place.namespace)
        address = f"http://{service['spec']['clusterIP']}:5000"
        host = {"Host": f"mlflow.{place.namespace}.svc:5000"}
        with httpx.Client(base_url=address, headers=host, timeout=60) as http:
            yield Stack(place.namespace, Tracking(http))


@dataclass(frozen=True)
class Guides:
    """The guides with one client of MLflow, inside the network of the cluster.

    Scripts run one after the other in the background, in the order in which they are begun: while one client's wait for
    their server, those of another go on.
    """

    client: str
    stack: Stack
    network: ClusterNetwork
    home: Path
    _way: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    _said: dict[str, "Future[str]"] = field(default_factory=dict)

    def begin(self, *scripts: str) -> None:
        """Run scripts in the background, each once."""
        for script in scripts:
            if script not in self._said:
                self._said[script] = self._way.submit(self.run, "python", script)

    def follow(self, script: str) -> str:
        """Run one script, unless that is done or under way, and return what it printed."""
        self.begin(script)
        return self._said[script].result()

    def stop(self) -> None:
        """Begin no more scripts, and wait for the one that runs."""
        self._way.shutdown(cancel_futures=True)

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

    @cached_property
    def trainings(self) -> dict[str, Any]:
        """What the same trainings give without MLflow, by library; see guide_expectations.py."""
        found: dict[str, Any] = self._expect("sklearn", "xgboost", "lightgbm", "keras")
        return found

    def cross_validation(self, strengths: list[str]) -> dict[str, float]:
        """The accuracies that scikit-learn itself finds for the attempts of the search."""
        found: dict[str, float] = self._expect("cross_validation", *strengths)
        return found

    def _expect(self, *words: str) -> Any:
        return json.loads(self.run("python", str(EXPECTATIONS), *words).splitlines()[-1])


class Walks:
    """The guides with every client that a story asks for, each on a stack of its own that stays for the session."""

    def __init__(self, helm: Helm, cluster: Cluster, images: list[str], folder: Path) -> None:
        self._helm = helm
        self._cluster = cluster
        self._images = images
        self._folder = folder
        self._installing = ThreadPoolExecutor(len(CLIENTS))
        self._guides: dict[str, Future[Guides]] = {}
        self._end = ExitStack()

    def begin(self, clients: list[str], scripts: list[str]) -> None:
        """Install what is not there yet, for all of these clients at once, and run the scripts in the background."""
        for client in clients:
            if client not in self._guides:
                self._guides[client] = self._installing.submit(self._install, client)
        for client in clients:
            self._guides[client].result().begin(*scripts)

    def of(self, client: str) -> Guides:
        """The guides with one client, when its stack is ready."""
        return self._guides[client].result()

    def end(self) -> None:
        """Remove everything."""
        self._installing.shutdown()
        self._end.close()

    def _install(self, client: str) -> Guides:
        kubectl = self._cluster.kubectl()
        client_environment(FOLDER / CLIENTS[client])
        home = self._folder / client
        home.mkdir()
        stack = self._end.enter_context(installed_stack(self._helm, kubectl, self._images))
        guides = Guides(client, stack, ClusterNetwork.of(self._cluster, kubectl, home), home)
        self._end.callback(guides.stop)
        return guides
