"""One test's own place on the real cluster: a namespace, what is deployed in it, and questions to it."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from support.schemas.conditions import check_status

from examples.demo.kubectl import Kubectl, Object
from examples.demo.load_job import LoadJob
from examples.demo.serving import Answer, condition, condition_text, send_to_service, serving_version
from examples.demo.stage import NAMESPACE, REQUEST, SERVER_IMAGE, model_deployment
from examples.demo.waiting import until

ROWS = len(REQUEST["dataframe_split"]["data"])

# How often the operator looks at aliases here.
RESOLVE_SECONDS = 2

# Small pods: ten of them must fit beside MLflow on two cores.
SMALL = {"requests": {"cpu": "50m", "memory": "256Mi"}}


@dataclass(frozen=True)
class Place:
    """A namespace made for one test."""

    kubectl: Kubectl
    namespace: str

    def deploy(self, name: str, uri: str, **spec: Any) -> None:
        """Apply a ModelDeployment with small pods."""
        self.kubectl.apply(model_deployment(name, uri, self.namespace, **{"resources": SMALL, **spec}))

    def patch(self, name: str, **spec: Any) -> None:
        """Change some fields of a spec; None removes one."""
        self.run("patch", "modeldeployment", name, "--type=merge", "-p", json.dumps({"spec": spec}))

    def run(self, *arguments: str) -> str:
        """kubectl in this namespace."""
        return self.kubectl(*arguments, "--namespace", self.namespace)

    def execute(self, pod: str, *command: str, container: str | None = None) -> str:
        """What a command prints in a running pod."""
        where = ("--container", container) if container else ()
        return self.kubectl("exec", "--namespace", self.namespace, pod, *where, "--", *command)

    def get(self, *arguments: str) -> Object:
        """`kubectl get` in this namespace."""
        return self.kubectl.get(*arguments, "--namespace", self.namespace)

    def deployment(self, name: str) -> Object:
        """A ModelDeployment; its status is held against the rules that conditions must keep."""
        found = self.get("modeldeployment", name)
        if status := found.get("status"):
            # As of the generation it speaks of; between two looks a condition may have flipped twice.
            check_status({"metadata": {"generation": status["observedGeneration"]}}, {}, status)
        return found

    def wait_until(
        self, name: str, holds: Callable[[Object], bool], what: str, seconds: float = 240
    ) -> Object:
        """Wait until something holds of a ModelDeployment, and return it as it is then."""

        def look() -> Object | None:
            found = self.deployment(name)
            return found if holds(found) else None

        return until(look, f"{name}: {what}", seconds=seconds, hint=lambda: self.story(name))

    def wait_ready(self, name: str, version: str | int | None = None, seconds: float = 240) -> Object:
        """Wait until all pods answer, with this version if one is given."""

        def ready(found: Object) -> bool:
            right = version is None or serving_version(found) == str(version)
            return right and is_current(found) and condition(found, "Ready").get("status") == "True"

        return self.wait_until(name, ready, f"Ready with version {version or 'any'}", seconds)

    def wait_condition(
        self, name: str, kind: str, status: str, containing: str = "", seconds: float = 240
    ) -> Object:
        """Wait for a condition of the present generation, whose message contains a text. Returns the condition."""

        def holds(found: Object) -> bool:
            seen = condition(found, kind)
            text = f"{seen.get('reason')} {seen.get('message')}"
            return is_current(found) and seen.get("status") == status and containing in text

        found = self.wait_until(name, holds, f"{kind}={status} with {containing!r}", seconds)
        return condition(found, kind)

    def story(self, name: str) -> str:
        """All conditions in words."""
        found = self.get("modeldeployment", name)
        kinds = [seen["type"] for seen in found.get("status", {}).get("conditions", [])]
        return "; ".join(condition_text(found, kind) for kind in kinds) or "no conditions yet"

    def ask(self, name: str, question: Object = REQUEST) -> Answer:
        """Ask the Service of a ModelDeployment."""
        return send_to_service(self.kubectl, self.namespace, name, question)

    def load(self, name: str, rate: int = 40) -> LoadJob:
        """Begin steady traffic through the Service, from inside the cluster, and wait for the first answers."""
        job = LoadJob(self.kubectl, self.namespace, f"load-{name}")
        job.start(
            f"http://{name}.{self.namespace}.svc/invocations", REQUEST, ROWS, image=SERVER_IMAGE, rate=rate
        )
        job.wait_for(rate)
        return job

    def pods(self, name: str) -> list[Object]:
        """The pods of a ModelDeployment that are not on their way out."""
        found: list[Object] = self.get("pods", "--selector", f"davit.dev/deployment={name}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def pod_names(self, name: str) -> set[str]:
        """Their names: equal sets mean that nothing was replaced."""
        return {pod["metadata"]["name"] for pod in self.pods(name)}


def is_current(deployment: Object) -> bool:
    """Whether the status speaks of the spec as it is now."""
    seen: int = deployment.get("status", {}).get("observedGeneration", 0)
    wanted: int = deployment["metadata"]["generation"]
    return seen == wanted


def forward_mlflow(kubectl: Kubectl) -> AbstractContextManager[str]:
    """MLflow's URL while the block runs."""
    return kubectl.forward(NAMESPACE, "svc/mlflow", 5000)
