"""Check whether a prediction has the outputs that the signature declares."""

from typing import Any

import numpy as np

from davit_server.runtimes.base import Field

_TEXT = frozenset({"string", "binary", "datetime"})
_NUMBERS = frozenset({"double", "float", "long", "integer", "boolean"})


def signature_violation(raw: Any, outputs: tuple[Field, ...]) -> str:
    """Return how a prediction contradicts the signature; empty when it does not.

    Named columns must exist, numbers must not be text, and text must not be numbers. Width and precision are
    not checked: MLflow itself does not guarantee them for outputs.
    """
    if not outputs:
        return ""
    if hasattr(raw, "columns"):
        return _column_violation(raw, outputs)
    if len(outputs) == 1:
        return _kind_violation(raw, outputs[0])
    return ""


def _column_violation(frame: Any, outputs: tuple[Field, ...]) -> str:
    """Return how a data frame contradicts the signature."""
    named = [spec for spec in outputs if spec.name is not None]
    missing = [spec.name for spec in named if spec.required and spec.name not in frame.columns]
    if missing and len(named) > 1:
        return f"the prediction lacks the columns {', '.join(map(repr, missing))} of the signature"
    for spec in named:
        if spec.name in frame.columns and (violation := _kind_violation(frame[spec.name], spec)):
            return f"column {spec.name!r}: {violation}"
    return ""


def _kind_violation(values: Any, spec: Field) -> str:
    """Return whether there is text for numbers, or numbers for text."""
    try:
        kind = np.asarray(values).dtype.kind
    except (ValueError, TypeError):
        return ""
    number = np.dtype(spec.dtype).kind in "iufb" if spec.kind == "tensor" else spec.kind in _NUMBERS
    if number and kind in "UST":
        return f"the signature declares {spec.dtype or spec.kind}, the model returned text"
    if spec.kind in _TEXT and kind in "iufb":
        return f"the signature declares {spec.kind}, the model returned numbers"
    return ""
