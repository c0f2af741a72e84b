"""Run as a process of its own: logs models to a real server in every way, prints what it made as JSON."""

import json
import sys
import tempfile

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


def main(url: str) -> None:
    mlflow.set_tracking_uri(url)
    client = mlflow.MlflowClient()
    client.create_registered_model("empty")
    first = logged("model", registered="iris")
    second = logged("model")
    client.create_model_version("iris", f"runs:/{second['run']}/model", run_id=second["run"])
    client.create_model_version("iris", "s3://mlflow/elsewhere/iris")
    client.copy_model_version("models:/iris/1", "iris-production")
    client.set_registered_model_alias("iris", "champion", "1")
    client.set_registered_model_alias("iris", "challenger", "2")
    client.transition_model_version_stage("iris", "1", "Production")
    deleted = logged("model")
    client.delete_run(deleted["run"])
    pending = client.create_logged_model("0", name="pending", source_run_id=first["run"])
    json.dump(
        {
            "first": first,
            "second": second,
            "deleted": deleted,
            "legacy": legacy(),
            "pending": pending.model_id,
        },
        sys.stdout,
    )


def logged(name: str, registered: str | None = None) -> dict[str, str]:
    with mlflow.start_run() as run:
        model, example = trained()
        info = mlflow.sklearn.log_model(
            model,
            name=name,
            input_example=example,
            signature=infer_signature(example, model.predict(example)),
            registered_model_name=registered,
            pip_requirements=["scikit-learn"],
        )
        return {"run": run.info.run_id, "model": info.model_id, "answer": str(model.predict(example)[0])}


def legacy() -> str:
    """A model among the artifacts of a run, as MLflow 2 kept them."""
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        mlflow.sklearn.save_model(trained()[0], f"{folder}/model", pip_requirements=["scikit-learn"])
        mlflow.log_artifacts(f"{folder}/model", "old/model")
        return run.info.run_id


def trained():
    data = load_iris(as_frame=True)
    return LogisticRegression(max_iter=500).fit(data.data, data.target), data.data.head(1)


if __name__ == "__main__":
    main(sys.argv[1])
