"""Convert MLflow's signature objects to plain data."""

from typing import Any

from davit_server.runtimes.base import Field, Parameter, Signature


def describe_signature(metadata: Any) -> Signature:
    """Return the signature of an `mlflow.models.Model`; empty where it has none."""
    signature = metadata.signature
    if signature is None:
        return Signature()
    from_type_hint = getattr(metadata, "_is_signature_from_type_hint", None)
    return Signature(
        inputs=_fields(signature.inputs),
        outputs=_fields(signature.outputs),
        params=_params(getattr(signature, "params", None)),
        from_type_hint=bool(from_type_hint and from_type_hint()),
    )


def _fields(schema: Any) -> tuple[Field, ...]:
    """Return the columns or tensors of a schema."""
    return tuple(_field(spec) for spec in schema.inputs) if schema is not None else ()


def _field(spec: Any) -> Field:
    """Return one column or tensor."""
    shape = getattr(spec, "shape", None)
    if shape is not None:
        return Field(spec.name, "tensor", spec.required, str(spec.type), tuple(shape))
    simple = getattr(spec.type, "name", None)
    if isinstance(simple, str):
        return Field(spec.name, simple, spec.required)
    detail = spec.to_dict()
    return Field(spec.name, str(detail.get("type", "any")), spec.required, detail=detail)


def _params(schema: Any) -> tuple[Parameter, ...]:
    """Return the inference parameters."""
    if schema is None:
        return ()
    return tuple(
        Parameter(
            param.name,
            getattr(param.dtype, "name", "object"),
            param.default,
            tuple(param.shape) if param.shape else None,
        )
        for param in schema.params
    )
