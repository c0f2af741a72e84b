"""Explain why MLflow refused an input: which column, param or field, and what it must be.

MLflow's own messages quote the input, and often do not name the column. So the fault is searched again, with
MLflow's own checks on parts of the request. Names come from the signature, positions from the request, and no
value is quoted.
"""

import io
import math
from collections.abc import Callable, Sequence
from typing import Any

from davit_server.errors import InvalidInput
from davit_server.runtimes import casts
from davit_server.runtimes.base import Field, Parameter, Signature
from davit_server.runtimes.column_faults import (
    cast_copy,
    column_fault,
    failing_item,
    frame_fault,
    raises,
    tensor_fault,
    values_fault,
)

SHOWN = 20
"""Names listed in one message; the others are only counted."""


def or_nothing(explain: Callable[[], str]) -> str:
    """Return an explanation; empty where the request is too malformed to be explained."""
    try:
        return explain()
    except Exception:  # noqa: BLE001  the request is refused in any case
        return ""


def listed(names: Sequence[str]) -> str:
    """Return names in quotes, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def expectation(signature: Signature) -> str:
    """Return the signature in a few words; empty if there is none."""
    if not signature.inputs:
        return ""
    shown = [f"{_shown(spec)}: {spec.short_type}" for spec in signature.inputs[:SHOWN]]
    more = ", …" if len(signature.inputs) > SHOWN else ""
    return f", for a model that takes {', '.join(shown)}{more}"


def _shown(spec: Field) -> str:
    return "values" if spec.name is None else str(spec.name)


def missing_inputs(data: Any, signature: Signature) -> list[str]:
    """Return the required inputs that the data does not have."""
    columns = getattr(data, "columns", data.keys() if isinstance(data, dict) else ())
    present = set(map(str, columns))
    required = [str(spec.name) for spec in signature.inputs if spec.name is not None and spec.required]
    return [name for name in required if name not in present]


def as_table(data: Any) -> Any:
    """Return records or columns as a frame, as MLflow does for its checks; anything else as it is."""
    import pandas as pd

    if not isinstance(data, list | dict):
        return data
    try:
        return pd.DataFrame(data)
    except Exception:  # noqa: BLE001  no table; the caller explains what is expected
        return data


def params_fault(params: Any, schema: Any, known: tuple[Parameter, ...]) -> str:
    """Return which params have the wrong type; empty if none has."""
    from mlflow.models.utils import _enforce_params_schema
    from mlflow.types import ParamSchema

    if schema is None or not params:
        return ""
    if not isinstance(params, dict):
        return "'params' must be an object with a value for each param."

    def fails(spec: Any) -> bool:
        alone = {spec.name: params[spec.name]}
        return raises(lambda: _enforce_params_schema(alone, ParamSchema([spec])))

    wrong = {spec.name for spec in schema.params if spec.name in params and fails(spec)}
    faults = [f"'{param.name}' must be {_param_kind(param)}" for param in known if param.name in wrong]
    return f"A param does not fit the model: {'; '.join(faults[:SHOWN])}." if faults else ""


def _param_kind(param: Parameter) -> str:
    return f"a list of {param.kind} values" if param.shape else f"of type {param.kind}"


def cast_fault(form: str, value: Any, schema: Any, signature: Signature) -> str:
    """Return what in a JSON form cannot be read or cast to the signature's types; empty if nothing is found.

    Args:
        form: `dataframe_split`, `dataframe_records`, `inputs` or `instances`.
        value: What the request has under that key.
        schema: MLflow's input schema, or None.
        signature: The same as plain data.
    """
    if form == "dataframe_split" and (fault := _split_fault(value)):
        return fault
    if schema is None:
        return ""
    if form.startswith("dataframe_"):
        from mlflow.utils.proto_json_utils import dataframe_from_parsed_json

        try:
            frame = dataframe_from_parsed_json(value, form.removeprefix("dataframe_"))
        except Exception:  # noqa: BLE001  not a table at all; the caller explains which form is expected
            return ""
        return frame_fault(frame, schema, signature, cast_copy)
    return _serving_fault(form, value, schema, signature)


def _split_fault(value: Any) -> str:
    """Return what is wrong with the table itself."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        return ""
    columns = value.get("columns")
    width = len(columns) if isinstance(columns, list) else math.inf
    for position, row in enumerate(value["data"]):
        # Shorter rows are filled up by pandas, as they are by MLflow's server.
        if isinstance(row, list) and len(row) > width:
            return f"Row {position} of 'data' has {len(row)} values, but 'columns' has {width}."
    return ""


def csv_fault(text: str, schema: Any, signature: Signature) -> str:
    """Return which column of a CSV table does not convert; empty if none fails by itself."""
    import pandas as pd

    if schema is None or not signature.names:
        return ""
    try:
        frame = casts.frame_with_names(pd.read_csv(io.StringIO(text)), signature)
        casts.require_range(frame, signature)
    except InvalidInput as failure:
        return failure.message
    except Exception:  # noqa: BLE001  not a table at all; the caller explains which form is expected
        return ""
    return frame_fault(frame, schema, signature, cast_copy)


def _serving_fault(form: str, value: Any, schema: Any, signature: Signature) -> str:
    """Return the same for `inputs` and `instances`."""
    from mlflow.types import Schema
    from mlflow.utils.proto_json_utils import parse_tf_serving_input

    named = {spec.name: at for at, spec in enumerate(signature.inputs) if spec.name is not None}
    rows = value if isinstance(value, list) else [value]
    if not named or not all(isinstance(row, dict) for row in rows):
        return tensor_fault(signature.inputs[0], value, form) if len(signature.inputs) == 1 else ""

    def part(names: list[Any], rows: Any) -> Any:
        return [{name: row[name] for name in names if name in row} for row in rows]

    def fails(names: list[Any], chosen: list[Any] = rows) -> bool:
        restricted = part(names, chosen)
        given = restricted if isinstance(value, list) else restricted[0]
        chosen_schema = Schema([schema.inputs[named[name]] for name in names])
        return raises(lambda: parse_tf_serving_input({form: given}, schema=chosen_schema))

    wrong = failing_item(list(named), fails)
    if wrong is None:
        return height_fault(value, signature)
    spec = signature.inputs[named[wrong]]
    if isinstance(value, dict):
        return values_fault(spec, named[wrong], value.get(wrong), form)
    row = failing_item(range(len(rows)), lambda at: fails([wrong], [rows[one] for one in at]))
    if spec.kind == "tensor" and row is None:
        return f"Input '{spec.name}' has rows of different shapes; the model takes {spec.short_type}."
    if spec.kind == "tensor":
        return tensor_fault(spec, rows[row].get(wrong), form)
    return column_fault(spec, named[wrong], row, rows[row].get(wrong) if row is not None else None)


def height_fault(data: Any, signature: Signature) -> str:
    """Return which columns have different numbers of values, or which row lacks one; empty if none."""
    if signature.tensors:
        return ""
    required = [spec.name for spec in signature.inputs if spec.required and spec.name is not None]
    if isinstance(data, list):
        for position, row in enumerate(data):
            missing = [str(name) for name in required if isinstance(row, dict) and name not in row]
            if missing:
                return f"Row {position} lacks {listed(missing)}."
    if isinstance(data, dict):
        heights = {len(column) for column in data.values() if hasattr(column, "__len__")}
        if len(heights) > 1:
            return "The columns of the request must all have the same number of values."
    return ""


def shape_fault(data: Any, signature: Signature) -> str:
    """Return which tensor differs in shape or element type from the signature; empty if none does."""
    if not signature.tensors:
        return ""
    for spec in signature.inputs:
        array: Any = data.get(spec.name) if isinstance(data, dict) else data
        if not hasattr(array, "shape") or not hasattr(array, "dtype"):
            continue
        called = "The input" if spec.name is None else f"Input '{spec.name}'"
        shape = list(array.shape)
        fits = len(shape) == len(spec.shape) and all(
            wanted in {-1, size} for wanted, size in zip(spec.shape, shape, strict=True)
        )
        if not fits:
            return f"{called} has the shape {shape}; the model takes {list(spec.shape)}."
        if str(array.dtype) != spec.dtype:
            return f"{called} holds {array.dtype} values; the model takes {spec.dtype}."
    return ""
