"""Generate a request from a signature, for models that were logged without an input example."""

from typing import Any

from davit_server.runtimes.base import Field, Signature

_VALUES: dict[str, Any] = {
    "double": 1.0,
    "float": 1.0,
    "long": 1,
    "integer": 1,
    "string": "a",
    "boolean": True,
    "binary": "YQ==",
    "datetime": "2024-01-31T12:00:00",
    "map": {},
    "any": 1,
}


def generated_document(signature: Signature) -> dict[str, Any] | None:
    """Return one row in one of the JSON forms; None where the signature does not define enough."""
    if not signature.inputs or signature.from_type_hint:
        return None
    if signature.tensors:
        tensors = {spec.name: _tensor(spec) for spec in signature.inputs}
        return {"inputs": tensors if signature.names else tensors[None]}
    if len(signature.names) != len(signature.inputs):
        return None
    row = {spec.name: _value(spec.kind, spec.detail) for spec in signature.inputs}
    return None if None in row.values() else {"dataframe_records": [row]}


def _value(kind: str, detail: Any) -> Any:
    """Return a harmless value of a type; None for types without one."""
    if kind == "array":
        items = (detail or {}).get("items", {})
        inner = _value(str(items.get("type", "any")), items)
        return None if inner is None else [inner]
    if kind == "object":
        properties = (detail or {}).get("properties", {})
        return {name: _value(str(spec.get("type")), spec) for name, spec in properties.items()}
    return _VALUES.get(kind)


def _tensor(spec: Field) -> Any:
    """Return ones in the tensor's shape, with one entry where the size is free."""
    value: Any = "a" if spec.dtype[:1] not in "fiub" else 1
    for size in reversed(spec.shape):
        value = [value] * max(size, 1)
    return value
