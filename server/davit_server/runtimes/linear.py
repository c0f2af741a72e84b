"""Linear scikit-learn models by their own formula: one matrix product instead of a hundred input checks.

scikit-learn spends a hundred times longer on looking at one row than on the arithmetic. The formula here is
the one in `sklearn.linear_model._base`; whether it gives identical answers is checked before it is used.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from davit_server.runtimes.base import Joined
from davit_server.runtimes.joined import MatrixCall, array_reader
from davit_server.runtimes.pyfunc import PyfuncModel

_CLASSIFIERS = frozenset(
    {"LogisticRegression", "LinearSVC", "RidgeClassifier", "SGDClassifier", "Perceptron"}
)
_REGRESSORS = frozenset({"LinearRegression", "Ridge", "Lasso", "ElasticNet", "SGDRegressor", "LinearSVR"})


def joined_linear(model: PyfuncModel) -> Joined | None:
    """The direct way for a linear model with an all-number signature; None for others."""
    signature = model.signature
    if model.facts.flavor != "mlflow.sklearn" or not signature.inputs:
        return None
    inner = model.mlflow_model
    estimator = inner.get_raw_model()
    named = inner.metadata.flavors["python_function"].get("predict_fn", "predict")
    if named != "predict" or not type(estimator).__module__.startswith("sklearn."):
        return None
    columns = getattr(estimator, "feature_names_in_", None)
    if columns is not None and list(columns) != list(signature.names):
        return None
    reader = array_reader(signature)
    call = _formula(estimator)
    return MatrixCall("native", reader, call) if reader and call else None


def _formula(estimator: Any) -> Callable[[Any], Any] | None:
    """Prediction from coefficients; None when the estimator is not a plain linear model."""
    kind = type(estimator).__name__
    if kind in _CLASSIFIERS and np.ndim(estimator.coef_) == 2:
        return _classify(estimator.coef_, estimator.intercept_, estimator.classes_)
    if kind in _REGRESSORS:
        return _regress(estimator.coef_, estimator.intercept_)
    return None


def _classify(weights: Any, intercept: Any, classes: Any) -> Callable[[Any], Any]:
    """The class with the highest score; of two, the second when its score is positive."""
    transposed = weights.T
    binary = transposed.shape[1] == 1

    def predict(matrix: Any) -> Any:
        scores = finite(matrix @ transposed) + intercept
        if binary:
            return classes[(scores.reshape(-1) > 0).astype(int)]
        return classes[scores.argmax(axis=1)]

    return predict


def _regress(weights: Any, intercept: Any) -> Callable[[Any], Any]:
    """The weighted sum."""
    transposed = weights.T

    def predict(matrix: Any) -> Any:
        return finite(matrix @ transposed) + intercept

    return predict


def finite(products: Any) -> Any:
    """The products themselves.

    A NaN or infinity in a row makes its product one too (or overflows, which the slow way then explains).

    Raises:
        ValueError: A value is missing or not finite, which scikit-learn refuses.
    """
    if not np.isfinite(products).all():
        raise ValueError("a value is missing or not finite")
    return products
