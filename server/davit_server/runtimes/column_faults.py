"""Find the column of a table, and the row, that fails one of MLflow's checks."""

from collections.abc import Callable, Sequence
from typing import Any

from davit_server.runtimes.base import Field, Signature
from davit_server.runtimes.nested_faults import is_a, nested_fault, with_article


def failing_item(items: Sequence[Any], fails: Callable[[list[Any]], bool]) -> Any:
    """Return the item that fails by itself, found by bisection; None if the items fail only together."""
    left = list(items)
    while len(left) > 1:
        half = left[: len(left) // 2]
        left = half if fails(half) else left[len(left) // 2 :]
    return left[0] if left and fails(left) else None


def raises(call: Callable[[], Any]) -> bool:
    """Return whether a check refuses; a number that would wrap around counts as refused."""
    import numpy as np

    try:
        with np.errstate(invalid="raise"):
            call()
    except Exception:  # noqa: BLE001  pandas, numpy and MLflow raise any exception
        return True
    return False


def cast_copy(frame: Any, schema: Any) -> Any:
    """Cast a copy of a frame to a schema's types: MLflow's cast changes the frame that it gets."""
    from mlflow.utils.proto_json_utils import cast_df_types_according_to_schema

    return cast_df_types_according_to_schema(frame.copy(), schema)


def enforce_frame(frame: Any, schema: Any) -> Any:
    """Check a frame against a schema, as MLflow does."""
    from mlflow.models.utils import _enforce_schema

    return _enforce_schema(frame, schema)


def frame_fault(
    frame: Any, schema: Any, signature: Signature, check: Callable[[Any, Any], Any] = enforce_frame
) -> str:
    """Return which column of a frame, and which row, fails a check; empty if none fails by itself."""
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
        return raises(lambda: check(part, Schema([schema.inputs[at] for at in chosen])))

    wrong = failing_item(list(places), fails)
    if wrong is None:
        return ""
    row = failing_item(range(len(frame)), lambda rows: fails([wrong], slice(rows[0], rows[-1] + 1)))
    column = frame.iloc[:, places[wrong]]
    return column_fault(signature.inputs[wrong], wrong, row, column.iloc[row] if row is not None else None)


def column_fault(spec: Field, at: int, row: int | None, value: Any) -> str:
    """Return one sentence about a column that does not fit."""
    column = f"Column {at}" if spec.name is None else f"Column '{spec.name}'"
    place = "" if row is None else f" in row {row}"
    if spec.kind in {"object", "array", "map"}:
        fault = nested_fault(value, spec.detail) if row is not None else ""
        fault = fault or f"it must be {with_article(spec.kind)}"
        return f"{column} holds a value{place} that does not fit its type: {fault}."
    if spec.kind == "datetime" and getattr(value, "tzinfo", None) is not None:
        return f"{column} holds a datetime with a time zone{place}: send it without, as the model expects it."
    if spec.kind == "datetime" and row is None:
        return (
            f"{column} holds values that cannot be converted to datetime, at least not together: write all "
            "of them in one form, such as 2024-01-31T12:00:00, without a time zone."
        )
    return f"{column} holds a value{place} that cannot be converted to {spec.kind}."


def values_fault(spec: Field, at: int, values: Any, form: str) -> str:
    """Return one sentence about the list of a column's values, or about a tensor."""
    if spec.kind == "tensor":
        return tensor_fault(spec, values, form)
    if spec.kind in {"object", "array", "map"}:
        rows = isinstance(values, list) and all(is_a(value, spec.kind) for value in values)
        fault = nested_fault(values, {"type": "array", "items": spec.detail} if rows else spec.detail)
        return f"Column '{spec.name}' holds a value that does not fit its type: {fault or 'see its schema'}."
    return column_fault(spec, at, None, values)


def tensor_fault(spec: Field, value: Any, form: str) -> str:
    """Return why nested lists are not the tensor that the model takes."""
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
        return (
            f"{called} has lists of unequal length, which are no tensor; the model takes {spec.short_type}."
        )
    return (
        f"{called} holds a value that cannot be converted to {spec.dtype}; the model takes {spec.short_type}."
    )
