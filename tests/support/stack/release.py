"""The stack chart, installed small in one story's namespace, and questions to it as its users ask them."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.cluster.live import Place
from support.stack.mlflow_rest import Mlflow

from devcluster.commands import CommandFailed, run
from examples.demo.charts import Helm
from examples.demo.kubectl import Object
from examples.demo.stage import stack_files
from examples.demo.training import CLIENT
from examples.demo.waiting import until

RELEASE = "mlflow"
OPERATOR = "davit"
CONNECTION = f"{RELEASE}-davit-connection"
HISTORY = Path(__file__).parent / "training_history.py"
USE = Path(__file__).parent / "use_registry.py"
SMALL = {
    "server.resources": {"requests": {"cpu": "50m", "memory": "300Mi"}, "limits": {"memory": "1Gi"}},
    "postgresql.resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
    "postgresql.persistence.size": "1Gi",
    "versitygw.resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "512Mi"}},
    "versitygw.persistence.size": "1Gi",
    "server.temporaryVolumeSize": "1Gi",
}
# MLflow asks for users, and server and store speak TLS.
WALLS = {"auth.enabled": True, "tls.enabled": True}


@dataclass(frozen=True)
class StackRelease:
    """One release of `charts/mlflow-stack`, and of the operator that follows it.

    Attributes:
        helm: Installs them.
        place: Their namespace.
        images: Those that the cluster was given.
        values: What every install and upgrade of the stack is given, by dotted names.
    """

    helm: Helm
    place: Place
    images: Sequence[str]
    values: Mapping[str, Any] = field(default_factory=dict)

    def install(self, *, wait: bool = True, **values: Any) -> None:
        """Install or upgrade with exactly these values (dots as `__`) beside the small ones.

        Args:
            wait: False for what cannot become ready.
            values: Single ones, or whole sections: `database={"kind": "sqlite"}`.
        """
        everything = {**SMALL, **self.values, **_dotted(values)}
        files = stack_files(self.images)
        self.helm.install(RELEASE, "mlflow-stack", self.place.namespace, everything, files, wait=wait)

    def install_operator(self, *, wait: bool = True, **values: Any) -> None:
        """Install or upgrade an operator that follows this release, for this namespace alone; it hardly ever polls.

        Args:
            wait: False to go on while it starts.
            values: Single ones, dots as `__`.
        """
        own = {
            "connection.secretName": CONNECTION,
            "watchNamespaces": [self.place.namespace],
            "crds.install": False,
            "resolveIntervalSeconds": 300,
            **_dotted(values),
        }
        self.helm.install(OPERATOR, "davit-operator", self.place.namespace, own, wait=wait)

    def uninstall_operator(self) -> None:
        """Remove it, if it is there; in a namespace of its own it has made nothing elsewhere."""
        self.helm.uninstall(OPERATOR, self.place.namespace)

    def test(self) -> None:
        """What `helm test` checks."""
        helm_test(self.helm, self.place)

    def secret(self, name: str) -> dict[str, str]:
        """The contents of a Secret."""
        data = self.place.get("secret", name).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def image(self, name: str, official: str) -> str:
        """One of the images that the cluster was given, or the official one."""
        return next((image for image in self.images if image.startswith(f"davit.dev/{name}:")), official)

    def server_pods(self) -> list[Object]:
        """The servers that are not on their way out."""
        found = self.place.get("pods", "--selector", "app.kubernetes.io/component=server")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    @contextmanager
    def url(self, target: str = f"svc/{RELEASE}") -> Iterator[str]:
        """MLflow's address on this machine while the block runs."""
        with self.place.kubectl.forward(self.place.namespace, target, 5000) as url:
            yield url

    @contextmanager
    def mlflow(self) -> Iterator[Mlflow]:
        """MLflow while the block runs, asked with all that the Secret of the connection says."""
        connection = self.secret(CONNECTION)
        scheme = connection["DAVIT_REGISTRY_URL"].partition(":")[0]
        with self.url() as url:
            yield Mlflow(
                url.replace("http", scheme, 1),
                connection.get("DAVIT_REGISTRY_USERNAME", ""),
                connection.get("DAVIT_REGISTRY_PASSWORD", ""),
                connection.get("DAVIT_CA_CERTIFICATES", ""),
            )

    def history(self, verb: str, pod: str | None = None) -> dict[str, Any]:
        """`write` makes a training history with the MLflow of a server's image, `read` tells what is there."""
        said = self.client("python", "-c", HISTORY.read_text(), verb, pod=pod)
        found: dict[str, Any] = json.loads(said.strip().splitlines()[-1])
        return found

    def client(self, *command: str, pod: str | None = None) -> str:
        """What a client of MLflow says in a server's pod, where it is the administrator if MLflow asks for users."""
        walls = (
            'MLFLOW_TRACKING_URI=https://mlflow:5000 REQUESTS_CA_BUNDLE="$AWS_CA_BUNDLE" '
            'MLFLOW_TRACKING_USERNAME="$MLFLOW_AUTH_ADMIN_USERNAME" '
            'MLFLOW_TRACKING_PASSWORD="$MLFLOW_AUTH_ADMIN_PASSWORD"'
        )
        environment = walls if self.values.get("tls.enabled") else "MLFLOW_TRACKING_URI=http://mlflow:5000"
        shell = ("sh", "-c", f'export {environment}; exec "$@"', "client")
        pod = pod or self.server_pods()[0]["metadata"]["name"]
        return self.place.execute(pod, *shell, *command, container="mlflow")

    def use(self, *what: str) -> dict[str, Any]:
        """What `registry_use.py`, which is MLflow's client on this machine, finds."""
        with self.url() as url:
            done = subprocess.run(
                [sys.executable, USE, url, *what],
                env={**os.environ, **CLIENT, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"},
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def serve(self, name: str, **model: Any) -> list[Any]:
        """Let the operator serve the first version of a model of `use`, and ask it for 4 and 2."""
        uri = f"models:/{name}/1"
        self.place.deploy(name, uri, model={"uri": uri, **model})
        self.place.wait_ready(name)
        question = {"dataframe_split": {"columns": ["x"], "data": [[4.0], [2.0]]}}
        return self.place.ask(name, question).predictions

    def sql(self, statement: str) -> str:
        """What the bundled PostgreSQL answers."""
        psql = (
            "psql",
            "--username=mlflow",
            "--dbname=mlflow",
            "-v",
            "ON_ERROR_STOP=1",
            "-At",
            "-c",
            statement,
        )
        return self.place.execute("mlflow-postgresql-0", *psql).strip()

    def run_cron_job(self, component: str, name: str) -> Object:
        """Start a Job of a CronJob now and wait until it has ended well or badly."""
        self.place.run("create", "job", name, f"--from=cronjob/{RELEASE}-{component}")
        return self.await_job(name)

    def await_job(self, name: str, seconds: float = 240) -> Object:
        """A Job as it is when it has ended."""

        def ended() -> Object | None:
            job = self.place.get("job", name)
            kinds = {
                one["type"] for one in job.get("status", {}).get("conditions", []) if one["status"] == "True"
            }
            return job if kinds & {"Complete", "Failed"} else None

        return until(ended, f"the Job {name} to end", seconds=seconds, hint=lambda: self.words(name))

    def words(self, job: str) -> str:
        """The log of a Job's pods, all containers."""
        try:
            return self.place.run("logs", "--selector", f"job-name={job}", "--all-containers", "--tail=-1")
        except CommandFailed as error:
            return error.output

    def job_messages(self, job: str) -> str:
        """What the pods of a Job say about their end, as `kubectl describe pod` shows it; the oldest first."""
        order = ("--selector", f"job-name={job}", "--sort-by=.metadata.creationTimestamp")
        pods = self.place.get("pods", *order)["items"]
        ends = [
            container.get("state", {}).get("terminated", {}).get("message", "")
            for pod in pods
            for key in ("initContainerStatuses", "containerStatuses")
            for container in pod["status"].get(key, [])
        ]
        return "\n".join(end for end in ends if end)

    def jobs(self, component: str) -> list[str]:
        """Names of a component's Jobs, oldest first."""
        selector = f"app.kubernetes.io/component={component}"
        found = self.place.get("jobs", "--selector", selector, "--sort-by=.metadata.creationTimestamp")
        return [job["metadata"]["name"] for job in found["items"]]


def helm_test(helm: Helm, place: Place) -> None:
    """Run the tests that the chart of the stack brings.

    Raises:
        CommandFailed: One of them failed.
    """
    arguments = ["test", RELEASE, "--namespace", place.namespace, "--timeout", "5m"]
    run([helm.program, *arguments], environment=helm.environment, timeout=400)


def _dotted(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names as helm writes them, of names as Python does."""
    return {name.replace("__", "."): value for name, value in values.items()}
