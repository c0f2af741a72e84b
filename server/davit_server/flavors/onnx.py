"""Run models with onnxruntime: fast, but not identical to pyfunc in every digit, so only on request.

A scikit-learn, LightGBM or XGBoost model is converted in memory; a model that was logged with MLflow's onnx
flavor is used unchanged. Double precision is tried first where the model's own library computes in it.
Missing and infinite values are left to pyfunc: the converters do not guarantee equal treatment.
"""

import copy
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from davit_server.errors import ModelRejected
from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.batch_predictors import MatrixCall, array_reader
from davit_server.runtimes.pyfunc import PyfuncModel

logger = logging.getLogger(__name__)

_DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64"}
"""onnxruntime's names of the supported input types, and numpy's."""

Graph = Callable[[], bytes | str]
"""Returns a serialized graph, or the path of the file that holds it."""

_FEED = "rows"
"""The input's name in models converted here."""


class NotConvertibleError(Exception):
    """A model has no usable ONNX form; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class OnnxPredictor:
    """A model in onnxruntime, in one precision.

    Attributes:
        dtype: The type it computes in, as numpy names it.
        predictor: Predicts rows.
    """

    dtype: str
    predictor: BatchPredictor


def onnx_predictors(model: PyfuncModel, graphs: Iterator[Graph], reference: Any) -> Iterator[OnnxPredictor]:
    """Yield the model in onnxruntime, in each available precision, the one nearer to its own first.

    Args:
        model: The loaded model.
        graphs: Sources of its graph, in the same order.
        reference: An answer of pyfunc, whose type and shape all answers get.

    Raises:
        NotConvertibleError: The model is available in no precision.
        ModelRejected: onnxruntime or a converter is not installed.
    """
    require_onnx()
    reader = array_reader(model.signature)
    if reader is None:
        raise NotConvertibleError("its inputs are not one table of doubles or longs")
    failure = None
    found = False
    for serialized in graphs:
        try:
            session = _session(serialized())
            predictor = MatrixCall("onnx", reader, _caller(session, reference))
            candidate = OnnxPredictor(_input_type(session), predictor)
        except ModelRejected:
            raise
        except Exception as caught:
            # Converters raise any exception; the next precision may succeed.
            logger.debug("no ONNX form in this precision", exc_info=caught)
            failure = caught
            continue
        found = True
        yield candidate
    if not found:
        reason = str(failure) if isinstance(failure, NotConvertibleError) else f"({type(failure).__name__})"
        raise NotConvertibleError(f"it cannot be converted: {reason}")


def convert_early(graphs: Iterator[Graph]) -> None:
    """Convert before a fork, so that all workers share the libraries and the graph.

    `onnx_predictors` reports whether it succeeded.

    Args:
        graphs: Sources of the model's graph, the preferred one first.

    Raises:
        ModelRejected: onnxruntime or a converter is not installed.
    """
    require_onnx()
    with suppress(NotConvertibleError):
        next(filter(_succeeds, graphs), None)


def _succeeds(conversion: Graph) -> bool:
    try:
        conversion()
    except ModelRejected:
        raise
    except Exception as failure:
        logger.debug("no ONNX form in this precision", exc_info=failure)
        return False
    return True


def require_onnx() -> None:
    """Require onnxruntime.

    Raises:
        ModelRejected: onnxruntime is not installed.
    """
    try:
        import onnxruntime  # noqa: F401
    except ImportError as failure:
        raise _missing("onnxruntime") from failure


def _missing(library: str) -> ModelRejected:
    return ModelRejected(
        "load",
        "MissingLibrary",
        f"DAVIT_PLAN=onnx needs the library '{library}', which is not installed here.",
        "Install it (pip install 'davit-serving[onnx]', or build an image with it), or set DAVIT_PLAN=auto.",
    )


def own_graph(model: PyfuncModel) -> Iterator[Graph]:
    """Yield the graph that a model was logged with.

    Args:
        model: The loaded model.

    Raises:
        NotConvertibleError: The model was not logged with the onnx flavor.
    """
    flavors = model.mlflow_model.metadata.flavors
    if "onnx" not in flavors:
        raise NotConvertibleError(f"models of {model.facts.flavor or 'this kind'} have no converter")
    own: Path = model.path / flavors["onnx"]["data"]
    yield lambda: str(own)


def converted(model: PyfuncModel) -> Iterator[Graph]:
    """Yield conversions of a model's estimator in each precision; its own graph if it was logged with one.

    Args:
        model: The loaded model.
    """
    if "onnx" in model.mlflow_model.metadata.flavors:
        yield from own_graph(model)
        return
    estimator = model.mlflow_model.get_raw_model()
    width = _width(model)
    # XGBoost itself computes in float32: there the narrow type is the nearer one.
    single_first = type(estimator).__module__.startswith("xgboost")
    for double in (False, True) if single_first else (True, False):
        yield lambda double=double: _converted(estimator, width, double=double)  # type: ignore[misc]


def _width(model: PyfuncModel) -> int:
    """Return the number of columns."""
    signature = model.signature
    return int(np.prod(signature.inputs[0].shape[1:])) if signature.tensors else len(signature.inputs)


@cache
def _converted(estimator: Any, width: int, *, double: bool) -> bytes:
    """Convert an estimator to a serialized graph; cached, so once for a process and its forks."""
    library = type(estimator).__module__.partition(".")[0]
    try:
        if library in {"lightgbm", "xgboost"}:
            return _converted_trees(estimator, library, width, double=double)
        return _converted_sklearn(estimator, width, double=double)
    except ImportError as failure:
        if (failure.name or "").partition(".")[0] in {"onnx", "skl2onnx", "onnxmltools"}:
            raise _missing(str(failure.name)) from failure
        raise


def _converted_sklearn(estimator: Any, width: int, *, double: bool) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = DoubleTensorType if double else FloatTensorType
    # Probabilities as an array, not as a list of dictionaries.
    options = {id(estimator): {"zipmap": False}} if hasattr(estimator, "classes_") else None
    graph = to_onnx(estimator, initial_types=[(_FEED, kind([None, width]))], options=options)
    serialized: bytes = graph.SerializeToString()
    return serialized


def _converted_trees(estimator: Any, library: str, width: int, *, double: bool) -> bytes:
    from onnxmltools import convert_lightgbm, convert_xgboost
    from onnxmltools.convert.common.data_types import DoubleTensorType, FloatTensorType

    types = [(_FEED, (DoubleTensorType if double else FloatTensorType)([None, width]))]
    if library == "lightgbm":
        graph = convert_lightgbm(estimator, initial_types=types, zipmap=False)
    else:
        graph = convert_xgboost(_nameless(estimator), initial_types=types)
    serialized: bytes = graph.SerializeToString()
    return serialized


def _nameless(trees: Any) -> Any:
    """Return a copy of an XGBoost model without column names, which its converter requires."""
    bare = copy.deepcopy(trees)
    booster = bare.get_booster() if hasattr(bare, "get_booster") else bare
    booster.feature_names = None
    return bare


def _session(graph: bytes | str) -> Any:
    """Return a session that computes in the calling thread only."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors; warnings about shapes would come with each batch
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _input_type(session: Any) -> str:
    """Return the type, as numpy names it, of a session's only input."""
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _DTYPES:
        raise NotConvertibleError("its graph does not take one table of floating-point numbers")
    return _DTYPES[inputs[0].type]


def _caller(session: Any, reference: Any) -> Callable[[Any], Any]:
    """Return a function of arrays whose answers have the type and shape of a reference."""
    run, feed, dtype = session.run, session.get_inputs()[0].name, np.dtype(_input_type(session))
    names = [output.name for output in session.get_outputs()]
    shaped = _table_shaped(reference, names) if hasattr(reference, "columns") else None
    if shaped is None:
        names, shaped = _array_shaped(session, reference)

    def call(matrix: Any) -> Any:
        with np.errstate(over="ignore"):
            rows = matrix.astype(dtype, copy=False)
        if not np.isfinite(rows).all():
            raise ValueError("a value is missing, not finite, or too large")
        return shaped(run(names, {feed: rows}))

    return call


def _table_shaped(reference: Any, names: list[str]) -> Callable[[list[Any]], Any]:
    """Return how outputs become the data frame that MLflow's onnx flavor makes of them."""
    if list(reference.columns) != names:
        raise NotConvertibleError("its outputs have other names than pyfunc's")
    kind = type(reference)

    def shaped(outputs: list[Any]) -> Any:
        return kind({name: np.asarray(found).reshape(-1) for name, found in zip(names, outputs, strict=True)})

    return shaped


def _array_shaped(session: Any, reference: Any) -> tuple[list[str], Callable[[list[Any]], Any]]:
    """Return the name of the output to compare with pyfunc's, and how it becomes pyfunc's kind of array."""
    if not isinstance(reference, np.ndarray):
        raise NotConvertibleError(f"pyfunc answers with a {type(reference).__name__}")
    wanted, tail, dtype = reference.dtype.kind == "f", reference.shape[1:], reference.dtype
    for output in session.get_outputs():
        columns = [size for size in output.shape[1:] if isinstance(size, int)]
        fits = int(np.prod(columns)) == int(np.prod(tail))
        if (output.type in _DTYPES) == wanted and (fits or not tail):

            def shaped(outputs: list[Any]) -> Any:
                return np.asarray(outputs[0]).reshape(-1, *tail).astype(dtype, copy=False)

            return [output.name], shaped
    raise NotConvertibleError("none of its outputs has the shape of pyfunc's answer")
