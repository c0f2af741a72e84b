"""Why MLflow refused an input: which column, param or field, and what it must be.

MLflow's own messages quote the input, and often do not name the column. So the fault is looked for anew, with
MLflow's own checks on parts of the request. Names come from the signature, positions from the request, and no
value is ever quoted.
"""

import datetime as dt
import io
import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from davit_server.errors import InvalidInput
from davit_server.runtimes import casts
from davit_server.runtimes.base import Field, Parameter, Signature

SHOWN = 20
"""Names listed in one message; of the rest only the number is told."""

_CHECKS = {
    "_validate_prediction_input",
    "_enforce_params_schema",
    "_convert_dataframe_to_example_format",
    "_validate_model_input",
    "_convert_input",
}
"""The functions of MLflow that hold an input against signature or type hint before the model sees it."""


def refused_before_model(failure: BaseException) -> bool:
    """Whether MLflow's own checks refused the input, so that the model's code was not reached."""
    import mlflow

    home = str(Path(mlflow.__file__).parent)
    frames = iter(traceback.extract_tb(failure.__traceback__))
    entered = any(frame.name == "_predict" and frame.filename.startswith(home) for frame in frames)
    if not entered:
        return False
    name = ""
    for frame in frames:
        # A model's class carries the wrapper around its `predict` from the place where it was logged.
        if not (frame.filename.startswith(home) or "-packages/mlflow/" in frame.filename):
            return False
        if frame.name in _CHECKS:
            return True
        name = frame.filename
    return name.endswith("data_validation.py")


def listed(names: Sequence[str]) -> str:
    """Names in quotes, and how many more there are."""
    shown = ", ".join(f"'{name}'" for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown


def expectation(signature: Signature) -> str:
    """The signature in a few words; empty if there is none."""
    if not signature.inputs:
        return ""
    shown = [f"{_shown(spec)}: {spec.told}" for spec in signature.inputs[:SHOWN]]
    more = ", …" if len(signature.inputs) > SHOWN else ""
    return f", for a model that takes {', '.join(shown)}{more}"


def _shown(spec: Field) -> str:
    return "values" if spec.name is None else str(spec.name)


def missing_inputs(data: Any, signature: Signature) -> list[str]:
    """The required inputs that the data does not have."""
    columns = getattr(data, "columns", data.keys() if isinstance(data, dict) else ())
    present = set(map(str, columns))
    required = [str(spec.name) for spec in signature.inputs if spec.name is not None and spec.required]
    return [name for name in required if name not in present]


def as_table(data: Any) -> Any:
    """Records or columns as a frame, as MLflow makes one for its checks; anything else as it is."""
    import pandas as pd

    if not isinstance(data, list | dict):
        return data
    try:
        return pd.DataFrame(data)
    except Exception:  # noqa: BLE001  no table; the caller says what is expected
        return data


def culprit(items: Sequence[Any], fails: Callable[[list[Any]], bool]) -> Any:
    """The item that fails by itself, found by halving; None if the items fail only together."""
    left = list(items)
    while len(left) > 1:
        half = left[: len(left) // 2]
        left = half if fails(half) else left[len(left) // 2 :]
    return left[0] if left and fails(left) else None


def _raises(call: Callable[[], Any]) -> bool:
    import numpy as np

    try:
        with np.errstate(invalid="raise"):
            call()
    except Exception:  # noqa: BLE001  pandas, numpy and MLflow refuse with anything
        return True
    return False


def params_fault(params: Any, schema: Any, known: tuple[Parameter, ...]) -> str:
    """Which of the params has the wrong type; empty if none has."""
    from mlflow.models.utils import _enforce_params_schema
    from mlflow.types import ParamSchema

    if schema is None or not params:
        return ""
    if not isinstance(params, dict):
        return "'params' must be an object with a value for each param."

    def fails(spec: Any) -> bool:
        alone = {spec.name: params[spec.name]}
        return _raises(lambda: _enforce_params_schema(alone, ParamSchema([spec])))

    wrong = {spec.name for spec in schema.params if spec.name in params and fails(spec)}
    told = [f"'{param.name}' must be {_param_kind(param)}" for param in known if param.name in wrong]
    return f"A param does not fit the model: {'; '.join(told[:SHOWN])}." if told else ""


def _param_kind(param: Parameter) -> str:
    return f"a list of {param.kind} values" if param.shape else f"of type {param.kind}"


def cast_fault(form: str, value: Any, schema: Any, signature: Signature) -> str:
    """What in a JSON form cannot be read or converted to the signature's types; empty if nothing is found.

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
        except Exception:  # noqa: BLE001  not a table at all; the caller says which form is expected
            return ""
        return frame_fault(frame, schema, signature, _cast_copy)
    return _serving_fault(form, value, schema, signature)


def _split_fault(value: Any) -> str:
    """What is wrong with the table itself."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        return ""
    columns = value.get("columns")
    width = len(columns) if isinstance(columns, list) else math.inf
    for position, row in enumerate(value["data"]):
        # Shorter rows are filled up by pandas, as they are by MLflow's server.
        if isinstance(row, list) and len(row) > width:
            return f"Row {position} of 'data' has {len(row)} values, but 'columns' has {width}."
    return ""


def _cast_copy(frame: Any, schema: Any) -> Any:
    from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

    return cast_df_types_according_to_schema(frame.copy(), schema)


def enforce_frame(frame: Any, schema: Any) -> Any:
    """MLflow's check of a frame against a schema."""
    from mlflow.models.utils import _enforce_schema

    return _enforce_schema(frame, schema)


def frame_fault(
    frame: Any, schema: Any, signature: Signature, check: Callable[[Any, Any], Any] = enforce_frame
) -> str:
    """Which column of a frame, and which row, does not pass a check; empty if none fails by itself."""
    from mlflow.types import Schema

    if signature.tensors:
        return ""
    if not frame.columns.is_unique:
        return "Two columns of the request have the same name."
    if not signature.names:
        if len(frame.columns) < len(signature.inputs):
            return f"The model takes {len(signature.inputs)} columns, the request has {len(frame.columns)}."
        places = {at: at for at in range(len(signature.inputs))}
    else:
        at_name = {name: at for at, name in enumerate(frame.columns)}
        places = {at: at_name[spec.name] for at, spec in enumerate(signature.inputs) if spec.name in at_name}

    def fails(chosen: list[int], rows: slice = slice(None)) -> bool:
        part = frame.iloc[rows, [places[at] for at in chosen]]
        return _raises(lambda: check(part, Schema([schema.inputs[at] for at in chosen])))

    wrong = culprit(list(places), fails)
    if wrong is None:
        return ""
    row = culprit(range(len(frame)), lambda rows: fails([wrong], slice(rows[0], rows[-1] + 1)))
    column = frame.iloc[:, places[wrong]]
    return _column_fault(signature.inputs[wrong], wrong, row, column.iloc[row] if row is not None else None)


def _column_fault(spec: Field, at: int, row: int | None, value: Any) -> str:
    """One sentence about a column that does not fit."""
    column = f"Column {at}" if spec.name is None else f"Column '{spec.name}'"
    place = "" if row is None else f" in row {row}"
    if spec.kind in {"object", "array", "map"}:
        fault = nested_fault(value, spec.detail) if row is not None else ""
        fault = fault or f"it must be {_an(spec.kind)}"
        return f"{column} holds a value{place} that does not fit its type: {fault}."
    if spec.kind == "datetime" and getattr(value, "tzinfo", None) is not None:
        return f"{column} holds a datetime with a time zone{place}: send it without, as the model expects it."
    if spec.kind == "datetime" and row is None:
        return (
            f"{column} holds values that cannot be converted to datetime, at least not together: write all "
            "of them in one form, such as 2024-01-31T12:00:00, without a time zone."
        )
    return f"{column} holds a value{place} that cannot be converted to {spec.kind}."


def csv_fault(text: str, schema: Any, signature: Signature) -> str:
    """Which column of a CSV table does not convert; empty if it is no table, or none fails by itself."""
    import pandas as pd

    if schema is None or not signature.names:
        return ""
    try:
        frame = casts.frame_with_names(pd.read_csv(io.StringIO(text)), signature)
        casts.require_range(frame, signature)
    except InvalidInput as failure:
        return failure.message
    except Exception:  # noqa: BLE001  not a table at all; the caller says which form is expected
        return ""
    return frame_fault(frame, schema, signature, _cast_copy)


def _serving_fault(form: str, value: Any, schema: Any, signature: Signature) -> str:
    """The same for `inputs` and `instances`."""
    from mlflow.types import Schema
    from mlflow.utils.proto_json_utils import parse_tf_serving_input

    named = {spec.name: at for at, spec in enumerate(signature.inputs) if spec.name is not None}
    rows = value if isinstance(value, list) else [value]
    if not named or not all(isinstance(row, dict) for row in rows):
        return _tensor_fault(signature.inputs[0], value, form) if len(signature.inputs) == 1 else ""

    def part(names: list[Any], rows: Any) -> Any:
        return [{name: row[name] for name in names if name in row} for row in rows]

    def fails(names: list[Any], chosen: list[Any] = rows) -> bool:
        restricted = part(names, chosen)
        given = restricted if isinstance(value, list) else restricted[0]
        chosen_schema = Schema([schema.inputs[named[name]] for name in names])
        return _raises(lambda: parse_tf_serving_input({form: given}, schema=chosen_schema))

    wrong = culprit(list(named), fails)
    if wrong is None:
        return height_fault(value, signature)
    spec = signature.inputs[named[wrong]]
    if isinstance(value, dict):
        return _values_fault(spec, named[wrong], value.get(wrong), form)
    row = culprit(range(len(rows)), lambda at: fails([wrong], [rows[one] for one in at]))
    if spec.kind == "tensor" and row is None:
        return f"Input '{spec.name}' has rows of different shapes; the model takes {spec.told}."
    if spec.kind == "tensor":
        return _tensor_fault(spec, rows[row].get(wrong), form)
    return _column_fault(spec, named[wrong], row, rows[row].get(wrong) if row is not None else None)


def _values_fault(spec: Field, at: int, values: Any, form: str) -> str:
    """One sentence about the list of a column's values, or about a tensor."""
    if spec.kind == "tensor":
        return _tensor_fault(spec, values, form)
    if spec.kind in {"object", "array", "map"}:
        rows = isinstance(values, list) and all(_is_a(value, spec.kind) for value in values)
        fault = nested_fault(values, {"type": "array", "items": spec.detail} if rows else spec.detail)
        return f"Column '{spec.name}' holds a value that does not fit its type: {fault or 'see its schema'}."
    return _column_fault(spec, at, None, values)


def height_fault(data: Any, signature: Signature) -> str:
    """Whether columns have different numbers of values, or a row lacks one; empty if neither is so."""
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


def _tensor_fault(spec: Field, value: Any, form: str) -> str:
    """Why nested lists are not the tensor that the model takes."""
    import numpy as np

    called = f"'{form}'" if spec.name is None else f"Input '{spec.name}'"
    if spec.kind != "tensor":
        return (
            f"{called} holds a value that cannot be converted to {spec.kind}." if spec.kind != "any" else ""
        )
    cells = np.empty(1, dtype=object)
    try:
        cells = np.array(value, dtype=object)
    except ValueError:
        cells[0] = []
    if any(isinstance(cell, list) for cell in cells.ravel()):
        return f"{called} has lists of unequal length, which are no tensor; the model takes {spec.told}."
    return f"{called} holds a value that cannot be converted to {spec.dtype}; the model takes {spec.told}."


def shape_fault(data: Any, signature: Signature) -> str:
    """Which tensor has another shape or element type than the signature's; empty if none has."""
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


def hint_fault(hint: Any, data: Any, signature: Signature) -> str:
    """Which field of an input does not fit the model's type hint; empty if that cannot be found out."""
    spec = signature.inputs[0]
    if not isinstance(data, list):
        return "'inputs' must be a list, one element for each prediction."
    fault = _pydantic_fault(hint, data, _known_names(spec.detail)) or nested_fault(
        data, {"type": "array", "items": spec.detail or {"type": spec.kind}}, "inputs"
    )
    return f"{fault}." if fault else ""


def _pydantic_fault(hint: Any, data: Any, known: set[str]) -> str:
    """The first complaint of pydantic, which MLflow only passes on as text."""
    from pydantic import TypeAdapter, ValidationError

    try:
        adapter = TypeAdapter(hint)
        adapter.validate_python(data)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
        path = "inputs" + "".join(_step(step, known) for step in first["loc"])
        return f"{path} {_complaint(first['type'])}"
    except Exception:  # noqa: BLE001  a hint that pydantic cannot read; the signature has to do
        return ""
    return ""


def _step(step: Any, known: set[str]) -> str:
    """One step of a path; a key that only the request has is not repeated."""
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step in known else ".…"


_COMPLAINTS = {
    "missing": "is missing",
    "extra_forbidden": "is a field that the model does not know",
    "int": "must be an integer",
    "float": "must be a number",
    "decimal": "must be a decimal number",
    "string": "must be a string",
    "bool": "must be true or false",
    "bytes": "must be base64 text",
    "datetime": "must be a date and time",
    "date": "must be a date",
    "time": "must be a time",
    "uuid": "must be a UUID",
    "list": "must be a list",
    "dict": "must be an object",
    "model": "must be an object",
    "none": "must be null",
    "literal": "must be one of the values that its type allows",
    "enum": "must be one of the values that its type allows",
}


def _complaint(kind: str) -> str:
    """One of pydantic's error types in words; those of validators and bounds have no own."""
    return _COMPLAINTS.get(kind) or _COMPLAINTS.get(
        kind.partition("_")[0], "does not pass the check of the model's own type"
    )


def _known_names(detail: Any) -> set[str]:
    """All property names of a nested type."""
    if not isinstance(detail, dict):
        return set()
    properties = detail.get("properties", {})
    inner = [*properties.values(), detail.get("items"), detail.get("values")]
    return set(properties).union(*map(_known_names, inner))


def nested_fault(value: Any, detail: Any, path: str = "") -> str:
    """Where a nested value does not fit its type; empty where it does.

    Args:
        value: The value as the request has it.
        detail: MLflow's description of the type, as JSON-like data.
        path: How to name the value; empty for "it".
    """
    kind = str((detail or {}).get("type", "any"))
    if not _is_a(value, kind):
        return f"{path or 'it'} must be {_an(kind)}"
    return next(filter(None, _inner_faults(value, kind, detail, path)), "")


def _inner_faults(value: Any, kind: str, detail: Any, path: str) -> Iterator[str]:
    """The faults of a list's items, or of an object's properties."""
    if kind == "array":
        for at, item in enumerate(value):
            yield nested_fault(item, detail.get("items"), f"{path}[{at}]")
    elif kind == "map":
        for item in value.values():
            yield nested_fault(item, detail.get("values"), f"{path}[…]")
    elif kind == "object":
        properties = detail.get("properties", {})
        for name, spec in properties.items():
            here = f"{path}.{name}".removeprefix(".")
            if name in value and (value[name] is not None or spec.get("required", True)):
                yield nested_fault(value[name], spec, here)
            elif spec.get("required", True):
                yield f"{here} is missing"
        if value.keys() - properties.keys():
            yield f"{path or 'it'} has a property that the signature does not name"


def _is_a(value: Any, kind: str) -> bool:
    """Whether a JSON value, or what MLflow made of one, is of a type."""
    import numpy as np

    types: dict[str, Any] = {
        "array": (list, tuple, np.ndarray),
        "object": dict,
        "map": dict,
        "string": str,
        "boolean": (bool, np.bool_),
        "binary": (str, bytes),
        "datetime": (str, dt.datetime, np.datetime64),
    }
    if kind in {"double", "float", "long", "integer"}:
        whole = (int, np.integer)
        numbers = whole if kind in {"long", "integer"} else (*whole, float, np.floating)
        return isinstance(value, numbers) and not isinstance(value, bool | np.bool_)
    return isinstance(value, types.get(kind, object))


def _an(kind: str) -> str:
    """A type with its article."""
    words = {"array": "list", "map": "object", "binary": "base64 text", "any": "value"}
    word = words.get(kind, kind)
    return word if kind == "binary" else f"an {word}" if word[0] in "aeiou" else f"a {word}"
