"""A flavor that the server does not know: models that double their only column, each row by itself.

This is what a new flavor takes: its fast path in one file, and one row in the table of flavors.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from davit_server.flavors.flavor import FastPath, Flavor
from davit_server.flavors.trust import library_code
from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.batch_predictors import MatrixCall, array_reader
from davit_server.runtimes.pyfunc import PyfuncModel
from support.models.saved import infer_signature, mlflow


class Doubling:
    """The native model; it keeps how many rows each call past pyfunc had."""

    def __init__(self) -> None:
        self.heights: list[int] = []

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        doubled: np.ndarray = frame.to_numpy()[:, 0] * 2
        return doubled

    def predict_array(self, rows: np.ndarray) -> np.ndarray:
        self.heights.append(len(rows))
        doubled: np.ndarray = rows[:, 0] * 2
        return doubled

    def get_raw_model(self) -> "Doubling":
        """What MLflow gives to those who ask for the native model."""
        return self


def _load_pyfunc(path: str) -> Doubling:
    """MLflow's entry point of a flavor."""
    assert Path(path).exists()
    return Doubling()


def save_doubling(path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    signature = infer_signature(frame, np.array([2.0, 4.0]))
    mlflow.pyfunc.save_model(
        str(path),
        loader_module=__name__,
        signature=signature,
        input_example=frame,
        pip_requirements=["mlflow"],
    )


def doubling_predictor(model: PyfuncModel) -> BatchPredictor | None:
    """The fast path: arrays instead of data frames."""
    reader = array_reader(model.signature)
    native: Doubling = model.mlflow_model.get_raw_model()
    return MatrixCall("native", reader, native.predict_array) if reader else None


def known_doubling(model: PyfuncModel) -> str:
    return f"{type(model.mlflow_model.get_raw_model()).__name__} looks at one row at a time"


ROW = Flavor(__name__, (FastPath("native doubling", doubling_predictor),), library_code, 3, known_doubling)
