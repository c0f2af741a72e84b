"""Decide whether a model's code only computes, or is the author's own and may do anything."""

from typing import Any

from davit_server.runtimes.pyfunc import PyfuncModel

_LIBRARIES = frozenset(
    {"sklearn", "lightgbm", "xgboost", "catboost", "statsmodels", "numpy", "scipy", "builtins"}
)


def unknown_code(_: PyfuncModel) -> bool:
    """Return False: nothing is known about the code that predicts."""
    return False


def library_code(_: PyfuncModel) -> bool:
    """Return True: the flavor's models hold no code of their author's."""
    return True


def library_parts(model: PyfuncModel) -> bool:
    """Return whether an estimator and everything it is built from come from libraries.

    A scikit-learn pipeline may hold the author's own classes and functions (`FunctionTransformer`), about
    which nothing is known.

    Args:
        model: The loaded model.
    """
    return made_of_library_parts(model.mlflow_model.get_raw_model())


def made_of_library_parts(estimator: Any) -> bool:
    """Return whether an estimator's class and those of all its parameters are a library's."""
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
    """Return whether a class or function is a library's."""
    return str(getattr(kind, "__module__", "")).partition(".")[0] in _LIBRARIES
