"""Describe the routes in OpenAPI, typed from the model's own signature, with its own input example."""

import json
import math
from typing import Any

from davit_server.runtimes.base import Example, Field, Parameter, Signature

Schema = dict[str, Any]

_TYPES: dict[str, Schema] = {
    "double": {"type": "number", "format": "double"},
    "float": {"type": "number", "format": "float"},
    "long": {"type": "integer", "format": "int64"},
    "integer": {"type": "integer", "format": "int32"},
    "string": {"type": "string"},
    "boolean": {"type": "boolean"},
    "binary": {"type": "string", "format": "byte", "description": "base64"},
    "datetime": {"type": "string", "format": "date-time"},
    "any": {},
}

ERROR: Schema = {
    "type": "object",
    "required": ["error_code", "message"],
    "properties": {
        "error_code": {"type": "string"},
        "message": {"type": "string", "description": "what is wrong and what to do about it"},
        "error": {"type": "string", "description": "the message again, for Open Inference clients"},
    },
}

_STATUSES = {
    "400": "The body is not what the model takes",
    "408": "The body did not arrive in time",
    "413": "More bytes or rows than allowed",
    "415": "Content-Type not understood",
    "429": "The queue is full",
    "503": "The model is not loaded yet",
    "504": "The deadline passed",
}


def value_schema(kind: str, detail: Any = None) -> Schema:
    """Return the JSON Schema of one value of an MLflow type.

    Args:
        kind: The type's name.
        detail: MLflow's own description, for nested types.
    """
    if kind == "array":
        items = (detail or {}).get("items", {})
        return {"type": "array", "items": value_schema(str(items.get("type", "any")), items)}
    if kind == "object":
        properties = (detail or {}).get("properties", {})
        return {
            "type": "object",
            "properties": {
                name: value_schema(str(spec.get("type")), spec) for name, spec in properties.items()
            },
            "required": [name for name, spec in properties.items() if spec.get("required", True)],
        }
    if kind == "map":
        values = (detail or {}).get("values", {})
        return {
            "type": "object",
            "additionalProperties": value_schema(str(values.get("type", "any")), values),
        }
    return dict(_TYPES.get(kind, {}))


def tensor_schema(spec: Field) -> Schema:
    """Return the JSON Schema of a tensor as nested lists."""
    number = {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}.get(spec.dtype[:1], "string")
    schema: Schema = {"type": number}
    for size in reversed(spec.shape):
        bounds = {"minItems": size, "maxItems": size} if size >= 0 else {}
        schema = {"type": "array", "items": schema, **bounds}
    return schema


def row_schema(fields: tuple[Field, ...]) -> Schema:
    """Return the JSON Schema of one row with named columns."""
    return {
        "type": "object",
        "properties": {spec.name: _nullable(spec) for spec in fields if spec.name is not None},
        "required": [str(spec.name) for spec in fields if spec.name is not None and spec.required],
    }


def _nullable(spec: Field) -> Schema:
    """Return a column's schema; an optional column may also be null."""
    schema = value_schema(spec.kind, spec.detail)
    return schema if spec.required or not schema else {"anyOf": [schema, {"type": "null"}]}


def request_schema(signature: Signature) -> Schema:
    """Return the JSON Schema of what `/invocations` takes for this model."""
    forms = _forms(signature)
    extra = {"params": params_schema(signature.params)} if signature.params else {}
    choices = [
        {
            "type": "object",
            "required": [name],
            "properties": {name: schema, **extra},
            "additionalProperties": False,
        }
        for name, schema in forms.items()
    ]
    return choices[0] if len(choices) == 1 else {"oneOf": choices}


def _forms(signature: Signature) -> dict[str, Schema]:
    """Return the forms that fit the signature, each with its schema."""
    if signature.from_type_hint:
        return {
            "inputs": {
                "type": "array",
                "items": value_schema(signature.inputs[0].kind, signature.inputs[0].detail),
            }
        }
    if signature.tensors:
        if not signature.names:
            tensor = tensor_schema(signature.inputs[0])
            return {"inputs": tensor, "instances": tensor}
        named = {str(spec.name): tensor_schema(spec) for spec in signature.inputs if spec.name is not None}
        return {"inputs": {"type": "object", "properties": named, "required": list(named)}}
    if not signature.names:
        return {form: {} for form in ("dataframe_split", "dataframe_records", "inputs", "instances")}
    row = row_schema(signature.inputs)
    rows = {"type": "array", "items": row}
    split = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "columns": {"type": "array", "items": {"enum": list(signature.names)}},
            "index": {"type": "array"},
            "data": {"type": "array", "items": {"type": "array", "maxItems": len(signature.names)}},
        },
    }
    return {"dataframe_split": split, "dataframe_records": rows, "inputs": rows, "instances": rows}


def params_schema(params: tuple[Parameter, ...]) -> Schema:
    """Return the JSON Schema of the inference parameters, with their defaults."""
    properties = {}
    for param in params:
        schema = value_schema(param.kind)
        if param.shape:
            schema = {"type": "array", "items": schema}
        properties[param.name] = {**schema, "default": json.loads(json.dumps(param.default, default=str))}
    return {"type": "object", "properties": properties}


def answer_schema(signature: Signature) -> Schema:
    """Return the JSON Schema of the answer."""
    outputs = signature.outputs
    entry: Schema = {}
    if len(outputs) > 1 and all(spec.name is not None for spec in outputs):
        entry = row_schema(outputs)
    elif len(outputs) == 1 and outputs[0].kind != "tensor":
        entry = value_schema(outputs[0].kind, outputs[0].detail)
    predictions = tensor_schema(outputs[0]) if _one_tensor(outputs) else {"type": "array", "items": entry}
    return {"type": "object", "required": ["predictions"], "properties": {"predictions": predictions}}


def _one_tensor(outputs: tuple[Field, ...]) -> bool:
    return len(outputs) == 1 and outputs[0].kind == "tensor"


GAPS = (
    "The example has NaN or infinities, which this document can only show as null; /invocations takes both."
)


def _shown_example(example: Example | None) -> Any:
    """Return the example as JSON; None where there is none, or it cannot be read."""
    try:
        return None if example is None else json.loads(example.body)
    except (ValueError, RecursionError):
        return None


def finite(value: Any) -> Any:
    """Return the same value with null for NaN and infinities, for which JSON has no numbers."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [finite(inner) for inner in value]
    return value


def invocations_operation(signature: Signature, example: Example | None) -> Schema:
    """Describe `POST /invocations` for this model."""
    content: Schema = {"schema": request_schema(signature)}
    shown = _shown_example(example)
    if shown is not None:
        content["example"] = shown
    text = {"schema": {"type": "string", "description": "a header line with the columns' names, then rows"}}
    return {
        "tags": ["predictions"],
        "summary": "Predict (MLflow's scoring protocol)",
        **({"description": GAPS} if shown != finite(shown) else {}),
        "operationId": "invocations",
        "requestBody": {"required": True, "content": {"application/json": content, "text/csv": text}},
        "responses": {
            "200": {
                "description": "One prediction a row",
                "content": {"application/json": {"schema": answer_schema(signature)}},
            },
            **{status: _error(text) for status, text in _STATUSES.items()},
        },
    }


def infer_operation(operation_id: str) -> Schema:
    """Describe `POST …/infer`, which is the same for every model."""
    tensor = {
        "type": "object",
        "required": ["name", "datatype", "shape"],
        "properties": {
            "name": {"type": "string"},
            "datatype": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "parameters": {"type": "object"},
            "data": {"type": "array"},
        },
    }
    request = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": tensor},
            "outputs": {"type": "array", "items": {"type": "object"}},
        },
    }
    answer = {"type": "object", "properties": {"outputs": {"type": "array", "items": tensor}}}
    return {
        "tags": ["predictions"],
        "summary": "Predict (Open Inference Protocol v2)",
        "operationId": operation_id,
        "requestBody": {"required": True, "content": {"application/json": {"schema": request}}},
        "responses": {
            "200": {"description": "Named tensors", "content": {"application/json": {"schema": answer}}},
            **{status: _error(text) for status, text in _STATUSES.items()},
        },
    }


def _error(text: str) -> Schema:
    return {"description": text, "content": {"application/json": {"schema": ERROR}}}


def path_parameters(path: str) -> list[Schema]:
    """Return the parameters that are in braces in a path."""
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
