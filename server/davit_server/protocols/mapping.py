"""Convert Open Inference requests, which are named tensors, to one of MLflow's forms.

From there on both protocols share casts, schema enforcement and batching.
"""

from typing import Any

from davit_server.errors import InvalidInput
from davit_server.protocols.tensors import Tensor, plain_values
from davit_server.runtimes.base import Signature
from davit_server.runtimes.pyfunc import Parsed
from davit_server.runtimes.refusals import listed


def document_of(tensors: list[Tensor], parameters: dict[str, Any], signature: Signature) -> dict[str, Any]:
    """Return the MLflow request that means the same.

    Args:
        tensors: The request's inputs.
        parameters: Its parameters; those that the signature declares become the model's params.
        signature: The model's signature.

    Raises:
        InvalidInput: Names or shapes do not fit the signature.
    """
    document = _inputs(tensors, signature)
    declared = {param.name for param in signature.params}
    if params := {name: value for name, value in parameters.items() if name in declared}:
        document["params"] = params
    return document


def _inputs(tensors: list[Tensor], signature: Signature) -> dict[str, Any]:
    if signature.from_type_hint:
        return {"inputs": plain_values(_only(tensors))}
    if signature.tensors:
        return _tensors(tensors, signature)
    return _columns(tensors, signature)


def untyped_input(tensors: list[Tensor], parameters: dict[str, Any]) -> Parsed:
    """Return arrays and frames with exactly the types that were sent, for models without a signature.

    A single matrix stays one, unless the parameter `content_type` requires a data frame (`pd`).

    Raises:
        InvalidInput: The tensors are not columns of one table, or a text has no UTF-8 form.
    """
    import pandas as pd

    if len(tensors) == 1 and tensors[0].array.ndim > 1 and parameters.get("content_type") != "pd":
        return Parsed(tensors[0].array)
    _require_one_height(tensors)
    try:
        return Parsed(pd.DataFrame({tensor.name: _typed_column(tensor) for tensor in tensors}))
    except UnicodeEncodeError as failure:
        raise InvalidInput(
            "A text or the name of an input has a lone surrogate, which is no character; send it as bytes."
        ) from failure


def _typed_column(tensor: Tensor) -> Any:
    """Return numbers as they came, strings as text, further dimensions as lists in the cells."""
    if tensor.array.dtype == object or tensor.array.ndim != 1:
        return _column(tensor)
    return tensor.array


def _require_one_height(tensors: list[Tensor]) -> None:
    """Refuse columns of different lengths."""
    if len({len(tensor.array) if tensor.array.ndim else 1 for tensor in tensors}) != 1:
        raise InvalidInput("The inputs must all have the same number of rows.")


def _tensors(tensors: list[Tensor], signature: Signature) -> dict[str, Any]:
    """Return the request for a signature of tensors."""
    if not signature.names:
        return {"inputs": plain_values(_only(tensors))}
    given = _by_name(tensors, signature)
    _require(given, signature)
    return {"inputs": {name: plain_values(given[name]) for name in signature.names if name in given}}


def _columns(tensors: list[Tensor], signature: Signature) -> dict[str, Any]:
    """Return the request for columns: one tensor a column, or one matrix with all of them in order."""
    given = _by_name(tensors, signature)
    names = list(signature.names)
    matrix = tensors[0].array
    if len(tensors) == 1 and matrix.ndim == 2 and given.keys().isdisjoint(names):
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


def _by_name(tensors: list[Tensor], signature: Signature) -> dict[Any, Tensor]:
    """Return the tensors under the signature's own names, which may be numbers."""
    names = signature.by_text_key
    return {names.get(tensor.name, tensor.name): tensor for tensor in tensors}


def _require(given: dict[Any, Tensor], signature: Signature) -> None:
    """Refuse a request that lacks a required input."""
    missing = [str(spec.name) for spec in signature.inputs if spec.required and spec.name not in given]
    if missing:
        raise InvalidInput(f"The request lacks the inputs {listed(missing)}.")


def _table(tensors: list[Tensor], names: list[Any]) -> dict[str, Any]:
    """Return tensors of one value a row as a table."""
    _require_one_height(tensors)
    columns = [_column(tensor) for tensor in tensors]
    return {"dataframe_split": {"columns": names, "data": [list(row) for row in zip(*columns, strict=True)]}}


def _column(tensor: Tensor) -> list[Any]:
    """Return one value a row: shape [n] or [n, 1]; further dimensions are lists in the cells."""
    values = tensor.array
    if values.ndim == 2 and values.shape[1] == 1:
        values = values.reshape(-1)
    return plain_values(Tensor(tensor.name, values.reshape(1) if values.ndim == 0 else values))


def _only(tensors: list[Tensor]) -> Tensor:
    """Return the single tensor of a model that takes one."""
    if len(tensors) != 1:
        raise InvalidInput("This model takes exactly one input.")
    return tensors[0]
