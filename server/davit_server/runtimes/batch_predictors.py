"""Predict several requests in one call: through pyfunc, or directly by the native model."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from davit_server.runtimes.base import BatchPredictor, Signature
from davit_server.runtimes.pyfunc import Parsed, PyfuncModel
from davit_server.runtimes.rows import NUMPY_TYPES, MatrixReader, Rows, TableReader, TensorReader


class MatrixCall:
    """Predict rows as one numpy array, with a function of arrays.

    Args:
        name: Its name in metadata and logs.
        reader: Recognises requests that are plain rows.
        call: Predicts an array of all rows.
    """

    def __init__(self, name: str, reader: MatrixReader | TensorReader, call: Callable[[Any], Any]) -> None:
        self.name = name
        self._reader = reader
        self.read = reader.read
        self._call = call

    def predict(self, parts: Sequence[Rows]) -> list[Any]:
        """Predict all parts in one call."""
        if len(parts) == 1:
            return [self._call(parts[0][0])]
        matrix = np.concatenate([part for part, _ in parts])
        return split(self._call(matrix), [count for _, count in parts])


class TableCall:
    """Predict rows as one data frame with typed columns, through pyfunc.

    Args:
        signature: Names and types of the columns.
        call: Predicts a data frame.
    """

    name = "pyfunc"

    def __init__(self, signature: Signature, call: Callable[[Any], Any]) -> None:
        self._names = signature.names
        self._reader = TableReader(signature)
        self.read = self._reader.read
        self._call = call

    def predict(self, parts: Sequence[Rows]) -> list[Any]:
        """Predict all parts in one call, as one frame."""
        import pandas as pd

        columns = self._reader.columns(parts)
        frame = pd.DataFrame({name: columns[at] for at, name in enumerate(self._names)})
        prediction = self._call(frame)
        return [prediction] if len(parts) == 1 else split(prediction, [count for _, count in parts])


def split(prediction: Any, counts: Sequence[int]) -> list[Any]:
    """Split the prediction of a batch into those of its requests.

    Raises:
        TypeError: The prediction is not a sequence with one entry for each row.
    """
    if not isinstance(prediction, np.ndarray | list) and not hasattr(prediction, "iloc"):
        raise TypeError("the prediction has no rows")
    if len(prediction) != sum(counts):
        raise TypeError("the prediction does not have one entry a row")
    source = getattr(prediction, "iloc", prediction)
    parts, start = [], 0
    for count in counts:
        parts.append(source[start : start + count])
        start += count
    return parts


def pyfunc_predictor(model: PyfuncModel) -> BatchPredictor | None:
    """Return a predictor that calls unchanged pyfunc once a batch; None when rows cannot be recognised.

    It raises exceptions of the model as a `RequestError` with an explanation.
    """
    return _predictor(model, lambda data: model.predict(Parsed(data)))


def unenforced_predictor(model: PyfuncModel) -> BatchPredictor | None:
    """Return a predictor that skips MLflow's schema enforcement; None where that may change values.

    Recognised rows already have the names, the order and the types of the signature, so that enforcing it
    changes nothing. It takes a fifth of a prediction, and most of it with many columns.
    """
    predict = getattr(model.mlflow_model, "_predict_fn", None)
    if predict is None or model.signature.params:
        return None
    wants_params = inspect.signature(predict).parameters.get("params")
    if wants_params is not None and wants_params.kind is not inspect.Parameter.VAR_KEYWORD:
        return _predictor(model, partial(predict, params=None))
    return _predictor(model, predict)


def _predictor(model: PyfuncModel, predict: Callable[[Any], Any]) -> BatchPredictor | None:
    """Return a function of data frames or tensors behind the reader that fits the signature."""
    signature = model.signature
    if signature.from_type_hint or model.by_example or not signature.inputs:
        return None
    if signature.tensors:
        reader = tensor_reader(signature)
        return MatrixCall("pyfunc", reader, predict) if reader else None
    if len(signature.names) != len(signature.inputs) or not TableReader.reads(signature):
        return None
    if matrix := matrix_reader(signature):
        return MatrixCall("pyfunc", matrix, _framed(signature.names, predict))
    return TableCall(signature, predict)


def array_reader(signature: Signature) -> MatrixReader | TensorReader | None:
    """Return a reader that gives a numpy array; None where inputs are not all numbers of one type."""
    if not signature.inputs:
        return None
    return tensor_reader(signature) if signature.tensors else matrix_reader(signature)


def matrix_reader(signature: Signature) -> MatrixReader | None:
    """Return a reader for signatures whose columns are all of one number type."""
    kinds = {spec.kind for spec in signature.inputs}
    if len(kinds) != 1 or not kinds <= {"double", "float", "long", "integer"}:
        return None
    kind = kinds.pop()
    # Values may not fit the narrow types; MLflow's casts handle those.
    return MatrixReader(signature.names, NUMPY_TYPES[kind]) if kind in {"double", "long"} else None


def tensor_reader(signature: Signature) -> TensorReader | None:
    """Return a reader for signatures of one unnamed tensor of numbers with a free first dimension."""
    spec = signature.inputs[0]
    if len(signature.inputs) != 1 or spec.name is not None or spec.shape[:1] != (-1,):
        return None
    if any(size < 0 for size in spec.shape[1:]) or spec.dtype not in {"float64", "int64"}:
        return None
    return TensorReader(spec.shape[1:], spec.dtype)


def as_in_frames(signature: Signature) -> Callable[[Any], Any]:
    """Return a function that lays out an array as a data frame does: column by column.

    Matrix routines sum in another order when the layout is row by row, and answers must be identical to the
    last bit. Tensors stay as they are.
    """
    return (lambda tensor: tensor) if signature.tensors else np.asfortranarray


def _framed(names: tuple[str, ...], predict: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function of arrays from one of data frames; the column index is built once."""
    import pandas as pd

    columns = pd.Index(list(names))

    def call(matrix: Any) -> Any:
        return predict(pd.DataFrame(np.asfortranarray(matrix), columns=columns, copy=False))

    return call
