"""Train a classifier on the iris flowers, keep every attempt in MLflow and register the best one.

    MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python examples/train_iris.py --alias champion

One parent run holds the search; every attempt is a nested run with its parameters and metrics (autolog).
The best model is trained once more, logged with a signature and an input example, and registered. With
`--alias` that alias then points at the new version, which deployments of `models:/iris@champion` then serve.
"""

import argparse
import os
import warnings
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import mlflow
import numpy as np
from hyperopt import STATUS_OK, Trials, fmin, hp, space_eval, tpe
from matplotlib.figure import Figure
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SPACES: dict[str, dict[str, Any]] = {
    "linear": {"C": hp.loguniform("C", np.log(0.01), np.log(100.0))},
    "forest": {
        "n_estimators": hp.uniformint("n_estimators", 10, 60),
        "max_depth": hp.uniformint("max_depth", 2, 8),
    },
}

# MLflow saves scikit-learn models with skops, which rejects the compiled trees inside a forest.
SERIALIZATION = {"linear": "skops", "forest": "cloudpickle"}


@dataclass(frozen=True)
class Flowers:
    """The data, split once: `train` fits the models, `valid` compares them."""

    train: Any
    train_species: Any
    valid: Any
    valid_species: Any

    @classmethod
    def load(cls, seed: int) -> "Flowers":
        """Load the 150 flowers that ship with scikit-learn and set one third of them aside."""
        features, species = load_iris(return_X_y=True, as_frame=True)
        train, valid, train_species, valid_species = train_test_split(
            features, species, test_size=1 / 3, random_state=seed, stratify=species
        )
        return cls(train, train_species, valid, valid_species)


def build(family: str, params: dict[str, Any], seed: int) -> Any:
    """Build an untrained classifier of one family, `linear` or `forest`."""
    if family == "linear":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, **params))
    return RandomForestClassifier(random_state=seed, **params)


def fit(family: str, params: dict[str, Any], flowers: Flowers, seed: int) -> tuple[Any, dict[str, float]]:
    """Train one classifier and measure it on the flowers it has not seen."""
    model = build(family, params, seed).fit(flowers.train, flowers.train_species)
    metrics = {
        "valid_accuracy": accuracy_score(flowers.valid_species, model.predict(flowers.valid)),
        "valid_log_loss": log_loss(flowers.valid_species, model.predict_proba(flowers.valid)),
    }
    mlflow.log_metrics(metrics)
    return model, metrics


def search(family: str, evaluations: int, flowers: Flowers, seed: int) -> dict[str, Any]:
    """Search for the parameters with the smallest loss; every attempt becomes a nested run."""

    def attempt(params: dict[str, Any]) -> dict[str, Any]:
        with mlflow.start_run(nested=True):
            _, metrics = fit(family, params, flowers, seed)
        return {"loss": metrics["valid_log_loss"], "status": STATUS_OK}

    best = fmin(
        attempt,
        SPACES[family],
        algo=tpe.suggest,
        max_evals=evaluations,
        trials=Trials(),
        rstate=np.random.default_rng(seed),
        show_progressbar=False,
    )
    found: dict[str, Any] = space_eval(SPACES[family], best)
    return found


def confusion_plot(model: Any, flowers: Flowers) -> Figure:
    """Plot which species the model takes for which other."""
    figure = Figure(figsize=(4, 4), layout="constrained")
    ConfusionMatrixDisplay.from_estimator(
        model, flowers.valid, flowers.valid_species, ax=figure.subplots(), colorbar=False
    )
    return figure


def register(name: str, family: str, model: Any, flowers: Flowers) -> int:
    """Log the model with signature and input example, and register it as the newest version of `name`."""
    info = mlflow.sklearn.log_model(
        model,
        name=name,
        signature=infer_signature(flowers.train, model.predict(flowers.train)),
        input_example=flowers.valid.head(3),
        serialization_format=SERIALIZATION[family],
        pip_requirements=mlflow.sklearn.get_default_pip_requirements(
            include_skops=family == "linear", include_cloudpickle=family == "forest"
        ),
        registered_model_name=name,
    )
    return int(info.registered_model_version)


def train(name: str, family: str, evaluations: int, seed: int) -> int:
    """Search, train the best candidate, register it. Return the number of the new version."""
    mlflow.set_experiment(name)
    mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)
    flowers = Flowers.load(seed)
    with mlflow.start_run(run_name=f"{family} search"):
        mlflow.set_tags({"family": family, "data": "scikit-learn iris"})
        params = search(family, evaluations, flowers, seed)
        model, metrics = fit(family, params, flowers, seed)
        mlflow.log_figure(confusion_plot(model, flowers), "confusion.png")
        version = register(name, family, model, flowers)
    print(f"{evaluations} attempts; the best has {params}")
    print(f"accuracy {metrics['valid_accuracy']:.3f}, log loss {metrics['valid_log_loss']:.4f}")
    return version


def keep_quiet() -> None:
    """Suppress output, and files in the model, that say nothing about this training."""
    # MLflow would add the lock file of this repository to every model; it describes Davit, not the model.
    os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # autolog calls log_loss by a name that scikit-learn has deprecated.
    warnings.filterwarnings("ignore", message="`y_pred` was renamed")
    mpl.use("agg")


def main() -> None:
    """Read the command line, train, and move the alias if one was named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--name", default="iris", help="the registered model's name")
    parser.add_argument("--family", choices=sorted(SPACES), default="linear")
    parser.add_argument("--evaluations", type=int, default=8, help="attempts of the search")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alias", help="point this alias at the new version, for example champion")
    options = parser.parse_args()
    keep_quiet()
    version = train(options.name, options.family, options.evaluations, options.seed)
    print(f"registered {options.name} version {version}")
    if options.alias:
        mlflow.MlflowClient().set_registered_model_alias(options.name, options.alias, str(version))
        print(f"{options.name}@{options.alias} is now version {version}")


if __name__ == "__main__":
    main()
