"""Cast JSON forms to the frames and arrays of the signature, with MLflow's own casts.

Where MLflow's casts would change a value silently, the request is refused: a number outside its column's
type, and null in a column of booleans.
"""

from typing import Any

from davit_server.errors import InvalidInput
from davit_server.runtimes.base import Signature

_WHOLE = {"integer": "int32", "long": "int64"}


def with_names(form: str, value: Any, signature: Signature) -> Any:
    """Return the same form with the signature's own names, where those are numbers and JSON has texts."""
    names = signature.by_text_key
    if not names or form == "dataframe_split":
        return value
    if isinstance(value, dict):
        return _renamed(value, names)
    if isinstance(value, list):
        return [_renamed(row, names) if isinstance(row, dict) else row for row in value]
    return value


def _renamed(row: dict[Any, Any], names: dict[str, Any]) -> dict[Any, Any]:
    return {names.get(key, key): value for key, value in row.items()}


def frame_with_names(data: Any, signature: Signature) -> Any:
    """Return a table with the signature's own names, where columns are numbers and the header has texts."""
    names = signature.by_text_key
    if not names or not hasattr(data, "iloc"):
        return data
    columns = [names.get(name, name) if isinstance(name, str) else name for name in data.columns]
    return data.set_axis(columns, axis=1)


def cast(form: str, value: Any, schema: Any, signature: Signature) -> Any:
    """Cast one of MLflow's four forms to the schema.

    Raises:
        InvalidInput: A column holds a value that its type cannot represent.
        Exception: Any exception of MLflow and pandas on a value that they cannot read.
    """
    import numpy as np
    from mlflow.utils.proto_json_utils import dataframe_from_parsed_json, parse_tf_serving_input

    # Numbers beyond a whole-number type's range wrap around unless numpy is made to raise.
    with np.errstate(invalid="raise"):
        if form.startswith("dataframe_"):
            frame = dataframe_from_parsed_json(value, form.removeprefix("dataframe_"))
            if schema is None:
                return frame
            require_range(frame, signature)
            return _cast_frame(frame, schema)
        require_booleans(value, signature)
        return parse_tf_serving_input({form: value}, schema=schema)


def _cast_frame(frame: Any, schema: Any) -> Any:
    from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

    return cast_df_types_according_to_schema(frame, schema)


def require_range(frame: Any, signature: Signature) -> None:
    """Refuse a frame that MLflow's casts would change silently.

    Raises:
        InvalidInput: A whole number is outside its column's type, or there is a null among booleans.
    """
    if not frame.columns.is_unique:
        return
    for at, spec in enumerate(signature.inputs):
        name = frame.columns[at] if spec.name is None and at < len(frame.columns) else spec.name
        if name not in frame.columns:
            continue
        if spec.kind in _WHOLE:
            wrong = _beyond(frame[name], _WHOLE[spec.kind])
            _refuse(wrong, f"Column '{name}' holds a number that {spec.kind} cannot hold, in row {{}}.")
        elif spec.kind == "boolean":
            _refuse(frame[name].isna().to_numpy(), _NO_BOOLEAN.format(name))


def _beyond(column: Any, dtype: str) -> Any:
    """Return which whole numbers of a column are outside a type's range; numpy itself refuses all others."""
    import numpy as np

    if column.dtype.kind not in "iu":
        return np.zeros(0, dtype=bool)
    limits = np.iinfo(dtype)
    return ((column < limits.min) | (column > limits.max)).to_numpy()


def _refuse(wrong: Any, message: str) -> None:
    """Refuse a column with the position of the first wrong value, if there is one."""
    if wrong.any():
        raise InvalidInput(message.format(int(wrong.argmax())))


def require_booleans(value: Any, signature: Signature) -> None:
    """Refuse null among booleans in `inputs` and `instances`.

    Raises:
        InvalidInput: There is a null among booleans.
    """
    import numpy as np

    for spec in signature.inputs:
        if spec.kind == "boolean":
            nulls = [cell is None for cell in _cells(value, spec.name)]
            _refuse(np.array(nulls, dtype=bool), _NO_BOOLEAN.format(spec.name))
        elif spec.dtype == "bool" and _has_null(_cells(value, spec.name)):
            called = "The input" if spec.name is None else f"Input '{spec.name}'"
            raise InvalidInput(f"{called} holds null; booleans must be true or false.")


def _has_null(cells: list[Any]) -> bool:
    """Return whether nested lists hold null."""
    return any(cell is None or (isinstance(cell, list) and _has_null(cell)) for cell in cells)


def _cells(value: Any, name: Any) -> list[Any]:
    """Return the values of one column in a list of records, an object of columns or a bare list."""
    if isinstance(value, dict):
        column = value.get(name, [])
        return column if isinstance(column, list) else [column]
    if isinstance(value, list):
        return [row.get(name, False) if isinstance(row, dict) else row for row in value]
    return [value]


_NO_BOOLEAN = "Column '{}' has no value in row {{}}; a boolean must be true or false in every row."
