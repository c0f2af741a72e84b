"""Open Inference requests in terms of MLflow: named tensors become a request in one of MLflow's forms.

From there on both protocols are one: the same casts, the same schema enforcement, the same batching.
"""

from typing import Any

from davit_server.errors import InvalidInput
from davit_server.runtimes.base import Signature
from davit_server.runtimes.tensors import Tensor, plain_values


def document_of(tensors: list[Tensor], parameters: dict[str, Any], signature: Signature) -> dict[str, Any]:
    """The MLflow request that means the same.

    Args:
        tensors: The request's inputs.
        parameters: Its parameters; those the signature declares become the model's params.
        signature: What the model takes.

    Raises:
        InvalidInput: Names or shapes do not fit the signature.
    """
    document = _inputs(tensors, parameters, signature)
    declared = {param.name for param in signature.params}
    if params := {name: value for name, value in parameters.items() if name in declared}:
        document["params"] = params
    return document


def _inputs(tensors: list[Tensor], parameters: dict[str, Any], signature: Signature) -> dict[str, Any]:
    if signature.from_type_hint:
        return {"inputs": plain_values(_only(tensors))}
    if signature.tensors:
        return _tensors(tensors, signature)
    if signature.inputs:
        return _columns(tensors, signature)
    if len(tensors) == 1 and tensors[0].values.ndim > 1 and parameters.get("content_type") != "pd":
        return {"inputs": plain_values(tensors[0])}
    return _table(tensors, [tensor.name for tensor in tensors])


def _tensors(tensors: list[Tensor], signature: Signature) -> dict[str, Any]:
    """For signatures of tensors."""
    if not signature.names:
        return {"inputs": plain_values(_only(tensors))}
    given = {tensor.name: tensor for tensor in tensors}
    _require(given, signature)
    return {"inputs": {name: plain_values(given[name]) for name in signature.names if name in given}}


def _columns(tensors: list[Tensor], signature: Signature) -> dict[str, Any]:
    """For signatures of columns: one tensor a column, or one matrix with all of them in order."""
    given = {tensor.name: tensor for tensor in tensors}
    names = list(signature.names)
    matrix = tensors[0].values
    if len(tensors) == 1 and matrix.ndim == 2 and tensors[0].name not in names:
        if matrix.shape[1] != len(signature.inputs):
            raise InvalidInput(
                f"The input must have {len(signature.inputs)} columns, one for each of the model's."
            )
        columns: list[Any] = list(names) or list(range(matrix.shape[1]))
        return {"dataframe_split": {"columns": columns, "data": plain_values(tensors[0])}}
    if not names:
        return _table(tensors, list(range(len(tensors))))
    _require(given, signature)
    present = [name for name in names if name in given]
    return _table([given[name] for name in present], present)


def _require(given: dict[str, Tensor], signature: Signature) -> None:
    """Refuse a request that lacks a required input."""
    missing = [spec.name for spec in signature.inputs if spec.required and spec.name not in given]
    if missing:
        raise InvalidInput(f"The request lacks the inputs {', '.join(map(repr, missing))}.")


def _table(tensors: list[Tensor], names: list[Any]) -> dict[str, Any]:
    """Tensors of one value a row as a table."""
    heights = {len(tensor.values) if tensor.values.ndim else 1 for tensor in tensors}
    if len(heights) != 1:
        raise InvalidInput("The inputs must all have the same number of rows.")
    columns = [_column(tensor) for tensor in tensors]
    return {"dataframe_split": {"columns": names, "data": [list(row) for row in zip(*columns, strict=True)]}}


def _column(tensor: Tensor) -> list[Any]:
    """One value a row: shape [n] or [n, 1]; more dimensions are lists in the cells."""
    values = tensor.values
    if values.ndim == 2 and values.shape[1] == 1:
        values = values.reshape(-1)
    return plain_values(Tensor(tensor.name, values.reshape(1) if values.ndim == 0 else values))


def _only(tensors: list[Tensor]) -> Tensor:
    """The single tensor of a model that takes one."""
    if len(tensors) != 1:
        raise InvalidInput("This model takes exactly one input.")
    return tensors[0]
