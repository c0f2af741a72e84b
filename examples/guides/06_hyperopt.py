"""A search with hyperopt: the search is one run, every attempt a run nested in it.

MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python 06_hyperopt.py
"""

import mlflow
import numpy as np
from hyperopt import STATUS_OK, fmin, hp, tpe
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

mlflow.set_experiment("guide 6: hyperopt")
flowers, species = load_iris(return_X_y=True)


def attempt(params: dict[str, float]) -> dict[str, object]:
    """Try one set of parameters; hyperopt looks for the smallest loss."""
    with mlflow.start_run(nested=True):
        model = LogisticRegression(C=params["C"], max_iter=1000)
        accuracy = cross_val_score(model, flowers, species, cv=3).mean()
        mlflow.log_params(params)
        mlflow.log_metric("accuracy", accuracy)
    return {"loss": -accuracy, "status": STATUS_OK}


with mlflow.start_run(run_name="search") as search:
    best = fmin(
        attempt,
        space={"C": hp.loguniform("C", np.log(0.001), np.log(100))},
        algo=tpe.suggest,
        max_evals=6,
        rstate=np.random.default_rng(1),
        show_progressbar=False,
    )
    mlflow.log_param("best_C", best["C"])

attempts = mlflow.search_runs(
    experiment_names=["guide 6: hyperopt"],
    filter_string=f"tags.`mlflow.parentRunId` = '{search.info.run_id}'",
    order_by=["metrics.accuracy DESC"],
)
print(attempts[["params.C", "metrics.accuracy"]].to_string(index=False))
