"""Runs, models and all that hangs on them, for a pod with any MLflow from 2.22 on: writes them, or tells what is there.

    python training_history.py write|read

Both print the same JSON: what was written is what must be read, whatever has happened to the database meanwhile.
"""

import json
import sys
import warnings
from typing import Any

from mlflow import MlflowClient

warnings.simplefilter("ignore")  # stages are deprecated, and used all the same

EXPERIMENTS = ("wine", "grün & 酒")
STAGES = ("Archived", "Staging", "Production")
STEPS = 40


def write() -> None:
    client = MlflowClient()
    for name in EXPERIMENTS:
        experiment = client.create_experiment(name, tags={"team": f"the {name} team"})
        for index in range(3):
            run = client.create_run(
                experiment, run_name=f"{name} {index}", tags={"note": "quo'te \" % \\ 密"}
            )
            write_run(client, run.info.run_id, index)
    register(client)
    deleted = client.create_run(experiment)
    client.delete_run(deleted.info.run_id)


def write_run(client: MlflowClient, run: str, index: int) -> None:
    for step in range(STEPS):
        client.log_metric(run, "loss", 1 / (step + 1 + index), timestamp=1_700_000_000_000 + step, step=step)
    client.log_metric(run, "nan", float("nan"), timestamp=1, step=0)
    client.log_param(run, "depth", index)
    client.log_param(run, "long", "x" * 500)
    client.log_text(run, f"artifact of {run}", "notes/hello.txt")
    client.set_terminated(run, "FINISHED" if index else "FAILED")


def register(client: MlflowClient) -> None:
    client.create_registered_model("wine-model", tags={"owner": "ops"}, description="a model")
    runs = client.search_runs([client.get_experiment_by_name("wine").experiment_id])
    for run, stage in zip(sorted(runs, key=lambda one: one.info.run_name), STAGES, strict=True):
        source = f"{run.info.artifact_uri}/notes"
        version = client.create_model_version("wine-model", source, run.info.run_id, tags={"checked": stage})
        client.transition_model_version_stage("wine-model", version.version, stage)
    client.set_registered_model_alias("wine-model", "champion", "2")
    client.set_registered_model_alias("wine-model", "Challenger", "3")


def read() -> dict[str, Any]:
    client = MlflowClient()
    found = [client.get_experiment_by_name(name) for name in EXPERIMENTS]
    runs = client.search_runs([one.experiment_id for one in found], run_view_type=3)
    model = client.get_registered_model("wine-model")
    versions = [client.get_model_version("wine-model", str(number)) for number in (1, 2, 3)]
    return {
        "experiments": {
            one.name: [one.experiment_id, one.tags["team"], one.lifecycle_stage] for one in found
        },
        "runs": {run.info.run_id: read_run(client, run) for run in runs},
        "model": [model.description, model.tags, model.aliases],
        "versions": [
            [one.version, one.current_stage, one.source, one.run_id, one.tags, sorted(one.aliases)]
            for one in versions
        ],
    }


def read_run(client: MlflowClient, run: Any) -> dict[str, Any]:
    history = client.get_metric_history(run.info.run_id, "loss")
    notes = client.list_artifacts(run.info.run_id, "notes")
    return {
        "name": run.info.run_name,
        "status": [run.info.status, run.info.lifecycle_stage],
        "params": run.data.params,
        "tags": run.data.tags,
        "metrics": {key: str(value) for key, value in sorted(run.data.metrics.items())},
        "history": sorted([one.step, one.timestamp, one.value] for one in history),
        "artifacts": [[file.path, file.file_size] for file in notes],
    }


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write()
    print(json.dumps(read(), sort_keys=True))  # noqa: T201 - its answer
