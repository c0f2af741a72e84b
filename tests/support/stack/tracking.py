"""What an MLflow server has kept, read over its REST API and not through a client of MLflow."""

from dataclasses import dataclass
from typing import Any

import httpx
import yaml

Found = dict[str, Any]

_API = "/api/2.0/mlflow"
_PROXY = "mlflow-artifacts:/"


@dataclass(frozen=True)
class Run:
    """One run with everything logged to it."""

    id: str
    name: str
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    artifacts: str

    @property
    def parent(self) -> str:
        """The run it is nested in; empty when there is none."""
        return self.tags.get("mlflow.parentRunId", "")


class Tracking:
    """An MLflow server, by a client that knows its URL."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, **query: str) -> Found:
        """One question to the REST API; `path` stands below its root."""
        answer = self._http.get(_API + path, params=query)
        assert answer.is_success, answer.text
        found: Found = answer.json()
        return found

    def post(self, path: str, body: Found) -> Found:
        """One question that is posted."""
        answer = self._http.post(_API + path, json=body)
        assert answer.is_success, answer.text
        found: Found = answer.json()
        return found

    def experiment(self, name: str) -> Found:
        found: Found = self.get("/experiments/get-by-name", experiment_name=name)["experiment"]
        return found

    def runs(
        self, experiment: str, condition: str = "", order: str = "attributes.start_time ASC"
    ) -> list[Run]:
        """All runs of an experiment, oldest first, or those that meet a condition."""
        ids = [self.experiment(experiment)["experiment_id"]]
        body = {"experiment_ids": ids, "filter": condition, "order_by": [order], "max_results": 100}
        return [_run(found) for found in self.post("/runs/search", body)["runs"]]

    def history(self, run: Run, metric: str) -> list[tuple[int, float]]:
        """Steps and values of a metric."""
        found = self.get("/metrics/get-history", run_id=run.id, metric_key=metric).get("metrics", [])
        return [(int(point.get("step", 0)), point["value"]) for point in found]

    def artifact(self, location: str) -> bytes:
        """One file, through the artifact proxy."""
        path = location.removeprefix(_PROXY).lstrip("/")
        answer = self._http.get(f"/api/2.0/mlflow-artifacts/artifacts/{path}")
        assert answer.is_success, answer.text
        return answer.content

    def model(self, run: Run) -> Found:
        """The MLmodel file of the one model that a run has logged."""
        experiment = self.get("/runs/get", run_id=run.id)["run"]["info"]["experiment_id"]
        body = {"experiment_ids": [experiment], "filter": f"source_run_id = '{run.id}'"}
        logged = self.post("/logged-models/search", body).get("models", [])
        # A client of MLflow 2 knows no logged models: to it a model is an artifact of its run.
        locations = [found["info"]["artifact_uri"] for found in logged] or [f"{run.artifacts}/model"]
        [location] = locations
        described: Found = yaml.safe_load(self.artifact(f"{location}/MLmodel"))
        return described

    def versions(self, name: str) -> dict[str, Found]:
        """All versions of a registered model, by number."""
        found = self.get("/model-versions/search", filter=f"name='{name}'")
        return {version["version"]: version for version in found["model_versions"]}

    def aliases(self, name: str) -> dict[str, str]:
        """Where the aliases of a registered model point."""
        model = self.get("/registered-models/get", name=name)["registered_model"]
        return {entry["alias"]: entry["version"] for entry in model.get("aliases", [])}


def _run(found: Found) -> Run:
    info, data = found["info"], found["data"]
    return Run(
        id=info["run_id"],
        name=info["run_name"],
        status=info["status"],
        params=pairs(data.get("params", [])),
        metrics=pairs(data.get("metrics", [])),
        tags=pairs(data.get("tags", [])),
        artifacts=info["artifact_uri"],
    )


def pairs(entries: list[Found]) -> dict[str, Any]:
    """A list of keys and values as MLflow sends it."""
    return {entry["key"]: entry["value"] for entry in entries}
