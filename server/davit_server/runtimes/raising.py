"""Decide whether an exception of `predict` is MLflow's, which refused the input, or the model's own."""

import traceback
from pathlib import Path
from typing import Any

from davit_server.errors import ModelRaised

_CHECKS = {
    "_validate_prediction_input",
    "_enforce_params_schema",
    "_convert_dataframe_to_example_format",
    "_validate_model_input",
    "_convert_input",
}
"""The functions of MLflow that check an input against signature or type hint before calling the model."""


def refused_before_model(failure: BaseException) -> bool:
    """Return whether MLflow's own checks refused the input before the model's code was reached."""
    import mlflow

    home = str(Path(mlflow.__file__).parent)
    frames = iter(traceback.extract_tb(failure.__traceback__))
    entered = any(frame.name == "_predict" and frame.filename.startswith(home) for frame in frames)
    if not entered:
        return False
    name = ""
    for frame in frames:
        # A model's class keeps the wrapper around its `predict` from the environment where it was logged.
        if not (frame.filename.startswith(home) or "-packages/mlflow/" in frame.filename):
            return False
        if frame.name in _CHECKS:
            return True
        name = frame.filename
    return name.endswith("data_validation.py")


def model_raised(data: Any, failure: BaseException) -> ModelRaised:
    """Return the error for the client: the exception's type, never its text, which may quote the input."""
    from mlflow.exceptions import MlflowException

    kind = type(failure).__name__
    if isinstance(failure, MlflowException):
        return ModelRaised(
            f"The model refused the request with {failure.error_code}; see the server's log.",
            code=failure.error_code,
            status=failure.get_http_status_code(),
        )
    if not isinstance(failure, Exception):
        return ModelRaised(
            f"The model exited with {kind}; see the server's log.",
            code="INTERNAL_ERROR",
            status=500,
        )
    if _is_empty(data):
        return ModelRaised(
            "The request has no rows, and this model does not accept that: send at least one row."
        )
    return ModelRaised(
        f"The model raised {kind} on this input. Check types and missing values "
        "(null, NaN) against the model's signature; see the server's log."
    )


def _is_empty(data: Any) -> bool:
    try:
        return len(data) == 0
    except TypeError:
        return False
