"""Run as a program: uses an MLflow server as its users do, and prints as JSON what it found.

    registry_use.py URL USE...

    database        writes into every corner of the database, and reads it back
    database=NAME   reads back what an earlier call wrote
    artifacts       logs, lists, downloads and deletes artifacts
    model=NAME      logs and registers a model that answers with its input's first column

A process of its own, so that importing MLflow costs the tests nothing and its warnings are not theirs.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import mlflow
from mlflow import MlflowClient
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

WORDS = "größer 🌱 'quoted' \"twice\" 100 % \\ ☃"
LONG = "x" * 6000


def use_database(client: MlflowClient) -> dict[str, Any]:
    """A run with a metric's history, and a model with versions, alias, tag and stages."""
    name = f"model {uuid4().hex[:8]}"
    experiment = client.create_experiment(f"{WORDS} {name}", tags={"note": WORDS})
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "long", LONG)
    for step in range(5):
        client.log_metric(run, "loss", 1 / (step + 1), step=step)
    client.set_tag(run, "words", WORDS)
    client.set_terminated(run)
    client.create_registered_model(name, description=WORDS)
    for _ in range(3):
        client.create_model_version(name, "s3://elsewhere/model", await_creation_for=0)
    client.set_registered_model_alias(name, "champion", "2")
    client.set_model_version_tag(name, "2", "words", WORDS)
    for version in "12":
        client.transition_model_version_stage(name, version, "Production", archive_existing_versions=True)
    client.delete_model_version(name, "3")
    return read_database(client, name)


def read_database(client: MlflowClient, name: str) -> dict[str, Any]:
    """What the database holds of an earlier use."""
    experiment = client.get_experiment_by_name(f"{WORDS} {name}")
    [run] = client.search_runs([experiment.experiment_id], "metrics.loss < 0.3 and tags.words LIKE '%🌱%'")
    model = client.get_registered_model(name)
    versions = client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
    return {
        "name": name,
        "note": experiment.tags["note"] == WORDS,
        "param": run.data.params.get("long") == LONG,
        "history": [metric.value for metric in client.get_metric_history(run.info.run_id, "loss")],
        "description": model.description == WORDS,
        "aliases": model.aliases,
        "tags": {version.version: version.tags.get("words") == WORDS for version in versions},
        "stages": {version.version: version.current_stage for version in versions},
    }


def use_artifacts(client: MlflowClient, url: str) -> dict[str, Any]:
    """Files small, empty, large, in folders, and with a name of many alphabets; then some are deleted."""
    run = client.create_run(client.create_experiment(f"artifacts {uuid4().hex[:8]}")).info
    files = {
        "a.txt": b"hello",
        "empty": b"",
        "deep/er/b.bin": bytes(range(256)) * 40960,
        "deep/ä ☃.txt": b"words",
    }
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        client.log_artifacts(run.run_id, folder, "all")
    listed = list(tree(client, run.run_id, "all"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(client.download_artifacts(run.run_id, "all", folder))
        came = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    repository = get_artifact_repository(run.artifact_uri, tracking_uri=url)
    repository.delete_artifacts("all/deep")
    return {
        "uri": run.artifact_uri,
        "listed": sorted(listed),
        "same": came == files,
        "left": sorted(tree(client, run.run_id, "all")),
    }


def tree(client: MlflowClient, run: str, folder: str) -> Any:
    """Every file below a folder with its size."""
    for entry in client.list_artifacts(run, folder):
        if entry.is_dir:
            yield from tree(client, run, entry.path)
        else:
            yield entry.path.removeprefix("all/"), entry.file_size or 0


def register_model(url: str, name: str) -> dict[str, Any]:
    """A Python function of a few lines, with an input example."""
    mlflow.set_tracking_uri(url)

    class FirstColumn(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: Any = None) -> list[float]:
            return [float(value) for value in model_input.iloc[:, 0]]

    import pandas as pd

    example = pd.DataFrame({"x": [1.5, 2.5]})
    info = mlflow.pyfunc.log_model(
        name="model",
        python_model=FirstColumn(),
        input_example=example,
        registered_model_name=name,
        pip_requirements=["mlflow-skinny", "pandas"],
    )
    return {"version": info.registered_model_version}


def main() -> None:
    url, *words = sys.argv[1:]
    client = MlflowClient(url)
    found: dict[str, Any] = {}
    for what, _, name in (word.partition("=") for word in words):
        if what == "database":
            found[what] = read_database(client, name) if name else use_database(client)
        elif what == "artifacts":
            found[what] = use_artifacts(client, url)
        else:
            found[what] = register_model(url, name)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
