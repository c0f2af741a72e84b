"""Call LightGBM and XGBoost models with a numpy matrix: no data frame, no input checks, one thread.

One thread a core, the default of both libraries, costs more than predicting a batch. Each row is summed over
the trees separately with any number of threads, so the answers stay the same; all of this is used only after
a check that answers are identical to pyfunc's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.batch_predictors import MatrixCall, array_reader
from davit_server.runtimes.pyfunc import PyfuncModel

SINGLE_THREAD_ROWS = 1024
"""Larger requests get LightGBM's own number of threads; XGBoost has no such option for each call."""


def tree_predictor(model: PyfuncModel) -> BatchPredictor | None:
    """Return the native predictor for boosted trees with an all-number signature; None for others."""
    inner = model.mlflow_model
    if inner.metadata.flavors["python_function"].get("predict_fn", "predict") != "predict":
        return None
    reader = array_reader(model.signature)
    trees = inner.get_raw_model()
    call = _call_of(trees, model.signature.names) if reader else None
    return MatrixCall("native", reader, call) if reader and call else None


def _call_of(trees: Any, columns: tuple[str, ...]) -> Callable[[Any], Any] | None:
    """Return a function of arrays for a booster or its scikit-learn wrapper; None for other models."""
    makers = {
        ("lightgbm", "Booster"): _lightgbm_booster,
        ("lightgbm", "LGBMRegressor"): _lightgbm_regressor,
        ("lightgbm", "LGBMClassifier"): _lightgbm_classifier,
        ("xgboost", "Booster"): _xgboost,
        ("xgboost", "XGBRegressor"): _xgboost,
        ("xgboost", "XGBClassifier"): _xgboost,
    }
    kind = type(trees)
    maker = makers.get((kind.__module__.partition(".")[0], kind.__name__))
    return maker(trees, columns) if maker else None


def _lightgbm_booster(booster: Any, _: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return the booster's own call; LightGBM identifies columns by position only."""
    predict = booster.predict

    def call(matrix: Any) -> Any:
        if len(matrix) > SINGLE_THREAD_ROWS:
            return predict(matrix)
        return predict(matrix, num_threads=1)

    return call


def _lightgbm_regressor(wrapper: Any, columns: tuple[str, ...]) -> Callable[[Any], Any]:
    return _lightgbm_booster(wrapper.booster_, columns)


def _lightgbm_classifier(wrapper: Any, columns: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return a call that picks the class with the highest score; of equal ones the first."""
    score, classes = _lightgbm_booster(wrapper.booster_, columns), wrapper.classes_

    def call(matrix: Any) -> Any:
        scores = score(matrix)
        if scores.ndim == 1:
            return classes[(scores > 1.0 - scores).astype(int)]
        return classes[scores.argmax(axis=1)]

    return call


def _xgboost(trees: Any, columns: tuple[str, ...]) -> Callable[[Any], Any] | None:
    """Return a call without XGBoost's check of names; None where they differ from the signature's.

    A booster predicts in place, without XGBoost's own matrix for each request. A wrapper keeps its own
    method, which handles classes and early stopping.
    """
    wrapped = hasattr(trees, "get_booster")
    booster = trees.get_booster() if wrapped else trees
    if booster.feature_names and list(booster.feature_names) != list(columns):
        return None
    booster.set_param({"nthread": 1})
    predict = trees.predict if wrapped else trees.inplace_predict

    def call(matrix: Any) -> Any:
        return predict(not_infinite(matrix), validate_features=False)

    return call


def not_infinite(matrix: Any) -> Any:
    """Return the matrix itself; XGBoost handles missing values.

    Raises:
        ValueError: A value is infinite, which XGBoost refuses in checks that this call skips.
    """
    if np.isinf(matrix).any():
        raise ValueError("a value is infinite")
    return matrix
