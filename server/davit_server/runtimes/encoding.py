"""Encode predictions as the JSON of MLflow's scoring server, with its literals `NaN` and `Infinity`."""

import json
import re
from typing import Any

import numpy as np

from davit_server.errors import ModelFailed


def encode_predictions(raw: Any) -> bytes:
    """Return `{"predictions": …}`.

    Raises:
        ModelFailed: The model returned something JSON cannot express.
    """
    if type(raw) is np.ndarray and raw.dtype.kind in "iufb":
        # The same text as below, without building an encoder: this is the hot path.
        return b'{"predictions": %b}' % json.dumps(raw.tolist()).encode()
    return b'{"predictions": %b}' % encode_bare(raw)


def encode_bare(raw: Any) -> bytes:
    """Return the prediction without anything around it, as chat clients expect it.

    Raises:
        ModelFailed: The model returned something JSON cannot express.
    """
    from mlflow.utils.proto_json_utils import NumpyEncoder, _get_jsonable_obj

    try:
        plain = _get_jsonable_obj(raw, pandas_orient="records")
        return json.dumps(plain, cls=NumpyEncoder).encode()
    except MemoryError:
        raise
    except Exception as failure:  # a value may be of the model's own class, which may raise anything
        raise ModelFailed(
            f"The model returned a {type(raw).__name__} that JSON cannot express{_inner_type(failure)}; "
            "its author must return numbers, strings, lists or a data frame."
        ) from failure


def _inner_type(failure: Exception) -> str:
    """Return the type of the value that JSON refused, where Python's encoder names it."""
    found = re.fullmatch(r"Object of type (\w+) is not JSON serializable", str(failure))
    return f" (it holds a {found[1]})" if found else ""
