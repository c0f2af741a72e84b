"""A pod whose MLflow client writes all the time, and the comparison of what it wrote with what is there."""

import json
import math
import urllib.request
from pathlib import Path
from typing import Any

from support.cluster.live import Place
from support.stack.mlflow_rest import Mlflow
from support.stack.steady_writer import ARTIFACT_EVERY

from devcluster.images.catalog import IMAGES
from examples.demo.waiting import until

SCRIPT = Path(__file__).parent / "steady_writer.py"


class SteadyClient:
    """One such pod."""

    def __init__(self, place: Place, name: str = "client") -> None:
        self.place = place
        self.name = name

    def start(self) -> None:
        """Begin, and wait until it writes."""
        self.place.run("create", "configmap", self.name, f"--from-file=writer.py={SCRIPT}")
        self.place.kubectl.apply(self._pod())
        self.place.run("wait", "--for=condition=Ready", f"pod/{self.name}", "--timeout=100s")
        self.wait_for(20)

    def wait_for(self, steps: int) -> int:
        """Wait until so many steps have been written since the beginning."""
        return until(lambda: self._steps() >= steps, f"{steps} steps written", seconds=240, hint=self._log)

    def go_on(self, steps: int) -> None:
        """Wait for so many more steps."""
        self.wait_for(self._steps() + steps)

    @property
    def address(self) -> str:
        """The pod's own."""
        found: str = self.place.get("pod", self.name)["status"]["podIP"]
        return found

    def finish(self) -> dict[str, Any]:
        """Let it end; returns its report."""
        self.place.execute(self.name, "touch", "/tmp/stop")
        phase = until(self._ended, "the client to end", seconds=120, hint=self._log)
        assert phase == "Succeeded", self._log()
        report: dict[str, Any] = json.loads(self._log().strip().splitlines()[-1])
        return report

    def _ended(self) -> str | None:
        phase: str = self.place.get("pod", self.name)["status"]["phase"]
        return phase if phase in {"Succeeded", "Failed"} else None

    def _log(self) -> str:
        return self.place.run("logs", self.name, "--tail=-1")

    def _steps(self) -> int:
        said = [line.split()[1] for line in self._log().splitlines() if line.startswith("steps ")]
        assert self._ended() != "Failed", self._log()
        return int(said[-1]) if said else 0

    def _pod(self) -> dict[str, Any]:
        container = {
            "name": "client",
            "image": IMAGES["mlflow"].reference,
            "command": ["python", "/client/writer.py"],
            "env": [
                {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow:5000"},
                {"name": "GIT_PYTHON_REFRESH", "value": "quiet"},
            ],
            "volumeMounts": [{"name": "client", "mountPath": "/client"}],
            "resources": {"requests": {"cpu": "50m", "memory": "200Mi"}},
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.place.namespace},
            "spec": {
                "restartPolicy": "Never",
                "enableServiceLinks": False,
                "terminationGracePeriodSeconds": 1,
                "containers": [container],
                "volumes": [{"name": "client", "configMap": {"name": self.name}}],
            },
        }


def written(url: str, run: str) -> dict[str, Any]:
    """Everything that MLflow has of a run: metric values with their steps, parameters, contents of artifacts."""
    mlflow = Mlflow(url)
    values: list[list[Any]] = []
    token = ""
    while True:
        query = f"run_id={run}&metric_key=loss&max_results=5000" + (f"&page_token={token}" if token else "")
        page = mlflow.call("GET", f"mlflow/metrics/get-history?{query}")
        values += [[int(one["step"]), one["value"]] for one in page.get("metrics", [])]
        if not (token := page.get("next_page_token", "")):
            break
    data = mlflow.call("GET", f"mlflow/runs/get?run_id={run}")["run"]["data"]
    files = mlflow.call("GET", f"mlflow/artifacts/list?run_id={run}").get("files", [])
    return {
        "metrics": sorted(values),
        "params": {one["key"]: one["value"] for one in data.get("params", [])},
        "artifacts": {file["path"]: artifact(url, run, file["path"]) for file in files},
    }


def artifact(url: str, run: str, path: str) -> str:
    """The text of an artifact."""
    with urllib.request.urlopen(f"{url}/get-artifact?path={path}&run_uuid={run}", timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def differences(steps: int, found: dict[str, Any]) -> list[str]:
    """What is lost, changed or there twice, of so many steps of the writer."""
    numbers = range(steps)
    values: dict[int, list[float]] = {step: [] for step in numbers}
    for step, value in found["metrics"]:
        values.setdefault(step, []).append(value)
    wrong = [
        f"step {step}: {seen}"
        for step, seen in values.items()
        if step not in numbers or len(seen) != 1 or not math.isclose(seen[0], 1 / (step + 1))
    ]
    params = {f"param-{step}": str(step) for step in numbers}
    artifacts = {f"{step}.txt": f"artifact {step}" for step in numbers if step % ARTIFACT_EVERY == 0}
    for kind, wanted in (("params", params), ("artifacts", artifacts)):
        keys = sorted(wanted.keys() | found[kind].keys())
        wrong += [
            f"{kind} {key}: {found[kind].get(key)}" for key in keys if wanted.get(key) != found[kind].get(key)
        ]
    return wrong
