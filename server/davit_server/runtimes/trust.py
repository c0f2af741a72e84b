"""Whether a model's predicting code only computes, or is the author's own and may do anything."""

from typing import Any

_LOADERS = frozenset(
    f"mlflow.{name}" for name in ("sklearn", "lightgbm", "xgboost", "catboost", "statsmodels", "onnx")
)
"""Loader modules whose predictions are plain computation, if the model is made of library parts only."""

_LIBRARIES = frozenset(
    {"sklearn", "lightgbm", "xgboost", "catboost", "statsmodels", "numpy", "scipy", "builtins"}
)


def only_computes(loader: str, raw: Any) -> bool:
    """Whether predicting may run in the event loop: it takes time, but neither sleeps nor waits.

    A scikit-learn pipeline may hold the author's own classes and functions (`FunctionTransformer`): then
    nobody knows.

    Args:
        loader: The `loader_module` of the python_function flavor.
        raw: The native model, if the flavor gives it.
    """
    if loader not in _LOADERS:
        return False
    return loader != "mlflow.sklearn" or _library_parts(raw)


def _library_parts(estimator: Any) -> bool:
    """Whether an estimator and everything it is built from come from libraries."""
    if not _from_library(type(estimator)) or not hasattr(estimator, "get_params"):
        return False
    parts = estimator.get_params(deep=True).values()
    kinds = [
        part if callable(part) else type(part)
        for part in parts
        if callable(part) or hasattr(part, "get_params")
    ]
    return all(map(_from_library, kinds))


def _from_library(kind: Any) -> bool:
    """Whether a class or function is a library's."""
    return str(getattr(kind, "__module__", "")).partition(".")[0] in _LIBRARIES
