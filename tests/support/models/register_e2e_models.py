"""Run as a program: logs and registers the models of the e2e stories, and prints what it made as JSON.

A process of its own, so that importing MLflow costs the tests nothing and its warnings are not theirs.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import mlflow
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

FEATURES, SPECIES = load_iris(return_X_y=True, as_frame=True)
LOOT = ["/var/run/secrets/kubernetes.io/serviceaccount/token", "/var/run/secrets", "/etc/davit"]
WORDS = ("SECRET", "PASSWORD", "TOKEN", "AWS_", "CREDENTIAL")


class Thief(mlflow.pyfunc.PythonModel):
    """What a hostile pickle would try: it answers with what it found."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> list[str]:
        """Everything in reach that it should not have."""
        found = [path for path in LOOT if Path(path).exists()]
        found += [name for name in os.environ if any(word in name.upper() for word in WORDS)]
        for folder in ("/", "/model", "/opt/venv", "/etc"):
            try:
                Path(folder, "mark").write_text("was here")
                found.append(f"wrote into {folder}")
            except OSError:
                pass
        if os.getuid() == 0:
            found.append("is root")
        return [",".join(found) or "nothing"] * len(model_input)


class Unloadable(mlflow.pyfunc.PythonModel):
    """A model that cannot be loaded anywhere but here."""

    def load_context(self, context: Any) -> None:
        """Fails as a missing library would, except while it is being logged."""
        if "DAVIT_MODEL_PATH" in os.environ:
            raise ModuleNotFoundError("No module named 'gone_with_the_wind'", name="gone_with_the_wind")

    def predict(self, context: Any, model_input: Any, params: Any = None) -> list[int]:
        """Never reached in a pod."""
        return [0] * len(model_input)


class Moody(mlflow.pyfunc.PythonModel):
    """Works when it is tried, and breaks when its feature store does: at a flower with a negative leaf."""

    def predict(self, context: Any, model_input: Any, params: Any = None) -> list[str]:
        """Answers, or raises as a client of a service that is down."""
        if (model_input.iloc[:, 0] < 0).any():
            raise ConnectionError("the feature store does not answer")
        return ["nothing"] * len(model_input)


def register(name: str, log: Any, model: dict[str, Any]) -> dict[str, Any]:
    """Log one model in a run of its own and register it."""
    with mlflow.start_run() as run:
        info = log(
            **model,
            name=name,
            registered_model_name=name,
            input_example=FEATURES.head(3),
        )
    return {
        "version": int(info.registered_model_version),
        "run_id": run.info.run_id,
        "model_id": info.model_id,
        "location": info.artifact_path,
    }


def iris(labels: Any) -> dict[str, Any]:
    """A logistic regression on iris, with these labels."""
    model = LogisticRegression(max_iter=500).fit(FEATURES, labels)
    return {
        "sk_model": model,
        "signature": infer_signature(FEATURES, model.predict(FEATURES)),
        "pip_requirements": ["scikit-learn", "skops"],
    }


def main() -> None:
    """Make them all; the name of each is the key of what is printed."""
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_experiment("e2e")
    signature = infer_signature(FEATURES, ["nothing"])
    python = {"signature": signature, "pip_requirements": ["mlflow"]}
    made = {
        "plain": register("e2e-iris", mlflow.sklearn.log_model, iris(SPECIES)),
        # The same flowers with the labels turned round: a version that can be told by its answers.
        "turned": register("e2e-iris", mlflow.sklearn.log_model, iris(2 - SPECIES)),
        "holey": register("e2e-holey", mlflow.sklearn.log_model, iris(SPECIES)),
        "thief": register("e2e-thief", mlflow.pyfunc.log_model, {"python_model": Thief(), **python}),
        "moody": register("e2e-moody", mlflow.pyfunc.log_model, {"python_model": Moody(), **python}),
        "unloadable": register(
            "e2e-unloadable", mlflow.pyfunc.log_model, {"python_model": Unloadable(), **python}
        ),
    }
    sys.stdout.write(json.dumps(made))


if __name__ == "__main__":
    main()
