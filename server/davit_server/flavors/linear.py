"""Predict with linear scikit-learn models by their formula: one matrix product, without input checks.

scikit-learn spends a hundred times longer on checks of one row than on the arithmetic. The formula here is
the one in `sklearn.linear_model._base`; it is used only after a check that its answers are identical.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.batch_predictors import MatrixCall, array_reader, as_in_frames, split
from davit_server.runtimes.pyfunc import PyfuncModel
from davit_server.runtimes.rows import MatrixReader, Rows, TensorReader

_CLASSIFIERS = frozenset(
    {"LogisticRegression", "LinearSVC", "RidgeClassifier", "SGDClassifier", "Perceptron"}
)
_REGRESSORS = frozenset({"LinearRegression", "Ridge", "Lasso", "ElasticNet", "SGDRegressor", "LinearSVR"})


def linear_predictor(model: PyfuncModel) -> BatchPredictor | None:
    """Return the direct predictor for a linear model with an all-number signature; None for others."""
    signature = model.signature
    if not signature.inputs:
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
    decide = _decision(estimator)
    return LinearCall(reader, as_in_frames(signature), estimator, decide) if reader and decide else None


class LinearCall(MatrixCall):
    """Predict with one matrix product for each request, and one decision for all.

    A product for all would round differently from one for a single row, so that an answer's last digit
    would depend on the requests beside it.

    Args:
        reader: Recognises requests that are plain rows.
        lay_out: Lays out a request's array as pyfunc would.
        estimator: The fitted linear model.
        decide: Turns the rows' scores into predictions.
    """

    def __init__(
        self,
        reader: MatrixReader | TensorReader,
        lay_out: Callable[[Any], Any],
        estimator: Any,
        decide: Callable[[Any], Any],
    ) -> None:
        super().__init__("native", reader, self._predict)
        self._lay_out = lay_out
        self._weights = estimator.coef_.T
        self._intercept = estimator.intercept_
        self._decide = decide

    def _predict(self, matrix: Any) -> Any:
        return self._decide(finite(self._lay_out(matrix) @ self._weights) + self._intercept)

    def predict(self, parts: Sequence[Rows]) -> list[Any]:
        """Predict all parts."""
        if len(parts) == 1:
            return [self._predict(parts[0][0])]
        counts = [count for _, count in parts]
        matrix = np.concatenate([part for part, _ in parts])
        if len(matrix) == len(parts):
            # numpy multiplies each row separately, with the routine for a single one.
            products = (matrix[:, None] @ self._weights)[:, 0]
        else:
            products = np.concatenate([self._lay_out(part) @ self._weights for part, _ in parts])
        return split(self._decide(finite(products) + self._intercept), counts)


def _decision(estimator: Any) -> Callable[[Any], Any] | None:
    """Return how scores become predictions; None when the estimator is not a plain linear model."""
    kind = type(estimator).__name__
    if kind in _CLASSIFIERS and np.ndim(estimator.coef_) == 2:
        return _classify(estimator.classes_, binary=len(estimator.coef_) == 1)
    return _regress if kind in _REGRESSORS else None


def _classify(classes: Any, *, binary: bool) -> Callable[[Any], Any]:
    """Return the class with the highest score; of two, the second when its score is positive."""

    def decide(scores: Any) -> Any:
        if binary:
            return classes[(scores.reshape(-1) > 0).astype(int)]
        return classes[scores.argmax(axis=1)]

    return decide


def _regress(scores: Any) -> Any:
    """Return the weighted sums themselves."""
    return scores


def finite(products: Any) -> Any:
    """Return the products themselves.

    A NaN or infinity in a row makes its product one too; an overflow is left to pyfunc in the same way.

    Raises:
        ValueError: A value is missing or not finite, which scikit-learn refuses.
    """
    if not np.isfinite(products).all():
        raise ValueError("a value is missing or not finite")
    return products
