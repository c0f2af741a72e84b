"""Steady traffic from inside the cluster: `examples/load.py` as a Kubernetes Job, through the Service."""

import json
from pathlib import Path
from typing import Any, Self

from devcluster.commands import CommandFailed
from examples.demo.kubectl import Kubectl, Object
from examples.demo.waiting import until

SCRIPT = Path(__file__).parents[1] / "load.py"

Summary = dict[str, Any]


class LoadJob:
    """One running load. Use it as a context manager: leaving the block removes the Job."""

    def __init__(self, kubectl: Kubectl, namespace: str, name: str = "load") -> None:
        self._kubectl = kubectl
        self._namespace = namespace
        self._name = name

    def start(self, url: str, document: Object, predictions: int, *, image: str, rate: int = 50) -> Self:
        """Start to post `document` to `url`, `rate` times a second, for ten minutes at most."""
        self.remove()
        labels = {"app.kubernetes.io/name": "load", "job": self._name}
        metadata = {"name": self._name, "namespace": self._namespace, "labels": labels}
        data = {"load.py": SCRIPT.read_text(), "body.json": json.dumps(document)}
        arguments = [url, "--body", "/load/body.json", "--predictions", str(predictions)]
        arguments += ["--rate", str(rate), "--seconds", "600", "--report", "1"]
        self._kubectl.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data},
            build_job(metadata, image, ["python", "/load/load.py", *arguments]),
        )
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def summary(self) -> Summary | None:
        """Return the newest counts, or None before the first report."""
        try:
            logs = self._kubectl("logs", "--namespace", self._namespace, f"job/{self._name}", "--tail=1")
        except CommandFailed:
            return None  # the pod is not there yet, or still starting
        last = logs.strip()
        counts: Summary | None = json.loads(last) if last.startswith("{") else None
        return counts

    def wait_for(self, answered: int, *, version: str | None = None, seconds: float = 120) -> Summary:
        """Wait until so many requests, or so many by one version, have been answered."""

        def enough() -> Summary | None:
            seen = self.summary()
            if seen is None:
                return None
            count = seen["by_version"].get(version, 0) if version else seen["answered"]
            return seen if count >= answered else None

        return until(enough, f"{answered} answers under load", seconds=seconds, every=1, hint=self.summary)

    def stop(self) -> Summary:
        """End the load after the requests in flight and return the final counts."""
        pod = f"job/{self._name}"
        code = "import os, signal; os.kill(1, signal.SIGTERM)"
        self._kubectl("exec", "--namespace", self._namespace, pod, "--", "python", "-c", code)

        def ended() -> Summary | None:
            seen = self.summary()
            return seen if seen and seen["final"] else None

        return until(ended, "the load's final counts", seconds=60, hint=self.summary)

    def remove(self) -> None:
        """Delete the Job and its ConfigMap; harmless when there are none."""
        names = [f"job/{self._name}", f"configmap/{self._name}"]
        wait = ["--ignore-not-found", "--wait", "--cascade=foreground"]
        self._kubectl("delete", "--namespace", self._namespace, *names, *wait)


def build_job(metadata: Object, image: str, command: list[str]) -> Object:
    """Build a Job that runs once, with no more rights than the model's pods."""
    container = {
        "name": "load",
        "image": image,
        "command": command,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        "volumeMounts": [{"name": "load", "mountPath": "/load", "readOnly": True}],
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "load", "configMap": {"name": metadata["name"]}}],
    }
    template = {"metadata": {"labels": metadata["labels"]}, "spec": pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"backoffLimit": 0, "template": template},
    }
