"""Run as a program: registers two versions of `iris` that answer differently, and prints them as JSON.

A process of its own, so that importing MLflow costs the tests nothing; the environment says where and as whom.
"""

import json
import sys

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

FEATURES, SPECIES = load_iris(return_X_y=True, as_frame=True)


def register(labels: object) -> dict[str, str]:
    """Log and register one version."""
    model = LogisticRegression(max_iter=500).fit(FEATURES, labels)
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            model,
            name="iris",
            registered_model_name="iris",
            input_example=FEATURES.head(3),
            signature=infer_signature(FEATURES, model.predict(FEATURES)),
            pip_requirements=["scikit-learn", "skops"],
        )
    return {"version": str(info.registered_model_version), "location": info.artifact_path}


if __name__ == "__main__":
    mlflow.set_experiment("iris")
    sys.stdout.write(json.dumps([register(SPECIES), register(2 - SPECIES)]))
