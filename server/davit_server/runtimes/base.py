"""A model as plain data, for the parts of the server that use no model library."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Field:
    """One column or tensor of a signature."""

    name: str | None
    kind: str
    """An MLflow type name (`double`, `string`, …), `array`, `object`, `map`, `any` or `tensor`."""
    required: bool = True
    dtype: str = ""
    """numpy's name of the element type, for tensors."""
    shape: tuple[int, ...] = ()
    detail: Any = None
    """MLflow's own description of a nested type, as JSON-like data."""

    @property
    def short_type(self) -> str:
        """The type in a few words: `double`, `float64[-1, 4]`."""
        return f"{self.dtype}{list(self.shape)}" if self.kind == "tensor" else self.kind


@dataclass(frozen=True, slots=True)
class Parameter:
    """One inference parameter."""

    name: str
    kind: str
    default: Any = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Signature:
    """Inputs, outputs and parameters of a model; an empty tuple where it does not declare them."""

    inputs: tuple[Field, ...] = ()
    outputs: tuple[Field, ...] = ()
    params: tuple[Parameter, ...] = ()
    from_type_hint: bool = False

    @property
    def tensors(self) -> bool:
        """Whether the inputs are tensors, not columns."""
        return bool(self.inputs) and self.inputs[0].kind == "tensor"

    @property
    def names(self) -> tuple[str, ...]:
        """The inputs' names in order; empty when they have none."""
        return tuple(spec.name for spec in self.inputs if spec.name is not None)

    @property
    def by_text_key(self) -> dict[str, Any]:
        """For columns that are named by numbers: the name for each JSON key.

        Empty where all names are texts, or where a key would be ambiguous.
        """
        names = {str(name): name for name in self.names}
        ambiguous = len(names) != len(self.names)
        return {} if ambiguous or all(isinstance(name, str) for name in self.names) else names


@dataclass(slots=True, eq=False)
class PredictionRequest:
    """One decoded request, ready for the model.

    Attributes:
        predict_alone: Predicts this request by itself, exactly as MLflow's scoring server would.
        encode: Turns the prediction into the answer.
        rows: Its number of rows; 1 where that is unknown.
        batch_input: Its rows as an input of a shared call; None when it must be predicted alone.
        batch_key: Requests with equal keys may share a call; None when this one may not.
    """

    predict_alone: Callable[[], Any]
    encode: Callable[[Any], Any]
    rows: int = 1
    batch_input: Any = None
    batch_key: Hashable = None


class BatchPredictor(Protocol):
    """Predict the rows of several requests in one call of the model."""

    name: str

    def read(self, document: dict[str, Any]) -> tuple[Any, int] | None:
        """Return the rows of a JSON request and their number; None when only MLflow can parse it."""

    def predict(self, parts: Sequence[tuple[Any, int]]) -> list[Any]:
        """Return one prediction for each part, in order.

        Raises:
            Exception: Any exception of the model; the caller then predicts each request alone.
        """


@dataclass(frozen=True, slots=True)
class Example:
    """The model's own input example."""

    body: bytes
    """A JSON request for `/invocations`, as MLflow saved it."""


@dataclass(slots=True)
class ModelFacts:
    """What the MLmodel file records beside the signature."""

    flavor: str = ""
    run_id: str = ""
    mlflow_version: str = ""
    python_version: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
