"""Find where a nested value, or the input of a model with a type hint, does not fit its type.

Names come from the signature; a key that only the request has is shown as `…`.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from davit_server.runtimes.base import Signature


def hint_fault(hint: Any, data: Any, signature: Signature) -> str:
    """Return which field of an input does not fit the model's type hint; empty if that is not found."""
    spec = signature.inputs[0]
    if not isinstance(data, list):
        return "'inputs' must be a list, one element for each prediction."
    fault = _pydantic_fault(hint, data, _known_names(spec.detail)) or nested_fault(
        data, {"type": "array", "items": spec.detail or {"type": spec.kind}}, "inputs"
    )
    return f"{fault}." if fault else ""


def _pydantic_fault(hint: Any, data: Any, known: set[str]) -> str:
    """Return the first error of pydantic, which MLflow only passes on as text."""
    from pydantic import TypeAdapter, ValidationError

    try:
        adapter = TypeAdapter(hint)
        adapter.validate_python(data)
    except ValidationError as failure:
        first = failure.errors(include_url=False, include_context=False, include_input=False)[0]
        path = "inputs" + "".join(_step(step, known) for step in first["loc"])
        return f"{path} {_complaint(first['type'])}"
    except Exception:  # noqa: BLE001  pydantic cannot read the hint; use the signature
        return ""
    return ""


def _step(step: Any, known: set[str]) -> str:
    """Return one step of a path; a key that only the request has is not repeated."""
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
    """Return one of pydantic's error types in words; those of validators and bounds share one sentence."""
    return _COMPLAINTS.get(kind) or _COMPLAINTS.get(
        kind.partition("_")[0], "does not pass the check of the model's own type"
    )


def _known_names(detail: Any) -> set[str]:
    """Return all property names of a nested type."""
    if not isinstance(detail, dict):
        return set()
    properties = detail.get("properties", {})
    inner = [*properties.values(), detail.get("items"), detail.get("values")]
    return set(properties).union(*map(_known_names, inner))


def nested_fault(value: Any, detail: Any, path: str = "") -> str:
    """Return where a nested value does not fit its type; empty where it does.

    Args:
        value: The value as the request has it.
        detail: MLflow's description of the type, as JSON-like data.
        path: How to name the value; empty for "it".
    """
    kind = str((detail or {}).get("type", "any"))
    if not is_a(value, kind):
        return f"{path or 'it'} must be {with_article(kind)}"
    return next(filter(None, _inner_faults(value, kind, detail, path)), "")


def _inner_faults(value: Any, kind: str, detail: Any, path: str) -> Iterator[str]:
    """Yield the faults of a list's items, or of an object's properties."""
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


def is_a(value: Any, kind: str) -> bool:
    """Return whether a JSON value, or MLflow's conversion of one, is of a type."""
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


def with_article(kind: str) -> str:
    """Return a type with its article."""
    words = {"array": "list", "map": "object", "binary": "base64 text", "any": "value"}
    word = words.get(kind, kind)
    return word if kind == "binary" else f"an {word}" if word[0] in "aeiou" else f"a {word}"
