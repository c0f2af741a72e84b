"""Trains the models and records pyfunc's answers to the bench's requests.

Runs in the environment of `mlflow models serve`, as a script: the class of the wrapper model must be part
of the program that logs it, so that its pickle needs no module of this repository.

    python training.py MODEL FOLDER        model: iris, forest, wrapper, waiting or lightgbm
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from mlflow.models import infer_signature
from mlflow.pyfunc import PythonModel
from sklearn.datasets import load_iris, make_classification, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

SEED = 7
ONE_ROW_BODIES = 64
MANY_ROWS = (100, 1000)


class Species(PythonModel):  # type: ignore[misc]  # mlflow is not typed
    """A typical Python wrapper: returns the flower's name instead of its number."""

    def __init__(self, classifier: Any, names: list[str]) -> None:
        self.classifier = classifier
        self.names = names

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the names of the most probable species."""
        del context, params
        return [self.names[at] for at in self.classifier.predict(model_input)]


class WaitingSpecies(Species):
    """The same wrapper, with a call of an external service before each prediction."""

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Return the names of the most probable species, after a wait."""
        time.sleep(0.02)
        return super().predict(context, model_input, params)


def train_iris(folder: Path) -> pd.DataFrame:
    """Train logistic regression on the four measurements of iris."""
    features, species = load_iris(return_X_y=True, as_frame=True)
    model = LogisticRegression(max_iter=1000).fit(features, species)
    mlflow.sklearn.save_model(model, folder, **described(features, model.predict(features)))
    return features


def train_forest(folder: Path) -> pd.DataFrame:
    """Train a hundred trees on twenty columns."""
    matrix, target = make_classification(2000, 20, n_informative=10, n_classes=3, random_state=SEED)
    features = table(matrix)
    model = RandomForestClassifier(100, max_depth=12, random_state=SEED).fit(features, target)
    # skops rejects the compiled trees inside a forest.
    mlflow.sklearn.save_model(
        model, folder, serialization_format="cloudpickle", **described(features, model.predict(features))
    )
    return features


def train_wrapper(folder: Path, kind: type[Species] = Species) -> pd.DataFrame:
    """Train the iris model behind a Python class."""
    features, species = load_iris(return_X_y=True, as_frame=True)
    classifier = LogisticRegression(max_iter=1000).fit(features, species)
    model = kind(classifier, list(load_iris().target_names))
    answers = np.array(model.predict(None, features), dtype=object)
    mlflow.pyfunc.save_model(folder, python_model=model, **described(features, answers))
    return features


def train_waiting(folder: Path) -> pd.DataFrame:
    """Train the iris model behind a Python class that waits."""
    return train_wrapper(folder, WaitingSpecies)


def train_lightgbm(folder: Path) -> pd.DataFrame:
    """Train gradient boosting on a hundred columns."""
    matrix, target = make_regression(3000, 100, n_informative=40, noise=1.0, random_state=SEED)
    features = table(matrix)
    model = LGBMRegressor(n_estimators=100, num_leaves=31, random_state=SEED, n_jobs=1, verbose=-1)
    model.fit(features, target)
    mlflow.lightgbm.save_model(model, folder, **described(features, model.predict(features)))
    return features


def table(matrix: Any) -> pd.DataFrame:
    """Return a data frame with named columns, as real models have them."""
    return pd.DataFrame(matrix, columns=[f"column_{at:03}" for at in range(matrix.shape[1])])


def described(features: pd.DataFrame, answers: Any) -> dict[str, Any]:
    """Return what every model is logged with: a signature and an input example."""
    return {
        "signature": infer_signature(features, answers),
        "input_example": features.head(3),
        "pip_requirements": [],
    }


def cases(folder: Path, features: pd.DataFrame) -> dict[str, Any]:
    """Return the bench's requests, and pyfunc's own answers to them, as plain JSON."""
    rng = np.random.default_rng(SEED)
    low, high = features.min().to_numpy(), features.max().to_numpy()
    model = mlflow.pyfunc.load_model(str(folder))
    written = {}
    for rows, count in [(1, ONE_ROW_BODIES), *((rows, 1) for rows in MANY_ROWS)]:
        drawn = [rng.uniform(low, high, (rows, len(low))).round(4) for _ in range(count)]
        written[str(rows)] = [
            {
                "data": data.tolist(),
                "answer": plain(model.predict(pd.DataFrame(data, columns=features.columns))),
            }
            for data in drawn
        ]
    return {"columns": list(features.columns), "cases": written}


def plain(answer: Any) -> list[Any]:
    """Convert a prediction to plain JSON values."""
    values: list[Any] = np.asarray(answer).tolist()
    return values


def main() -> None:
    """Train one model into FOLDER/model and write FOLDER/cases.json."""
    name, target = sys.argv[1], Path(sys.argv[2])
    train = {
        "iris": train_iris,
        "forest": train_forest,
        "wrapper": train_wrapper,
        "waiting": train_waiting,
        "lightgbm": train_lightgbm,
    }[name]
    features = train(target / "model")
    (target / "cases.json").write_text(json.dumps(cases(target / "model", features)))


if __name__ == "__main__":
    main()
