"""Call scikit-learn models with a numpy matrix: no data frame, no schema enforcement, no name checks."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.batch_predictors import MatrixCall, array_reader, as_in_frames
from davit_server.runtimes.pyfunc import PyfuncModel


def sklearn_predictor(model: PyfuncModel) -> BatchPredictor | None:
    """Return the native predictor for a scikit-learn model with an all-number signature; None for others.

    The caller must check that it answers as pyfunc does: a pipeline may select columns by name, and not every
    estimator treats an array like a frame.
    """
    reader = array_reader(model.signature)
    method = _native(model)
    if reader is None or method is None:
        return None
    lay_out = as_in_frames(model.signature)
    return MatrixCall("native", reader, lambda matrix: method(lay_out(matrix)))


def _native(model: PyfuncModel) -> Callable[[Any], Any] | None:
    """Return the estimator's own method behind pyfunc's `predict`."""
    inner = model.mlflow_model
    name = inner.metadata.flavors["python_function"].get("predict_fn", "predict")
    estimator = inner.get_raw_model()
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and list(names) != list(model.signature.names):
        return None
    # Names are checked once, here; a warning on each call would cost more than a prediction.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    method = getattr(_without_names(estimator), name, None)
    if not callable(method):
        return None
    typed: Callable[[Any], Any] = method
    return typed


def _without_names(estimator: Any) -> Any:
    """Return a shallow copy without column names that shares all fitted state."""
    if "feature_names_in_" not in vars(estimator):
        return estimator
    bare = copy.copy(estimator)
    del bare.feature_names_in_
    return bare
