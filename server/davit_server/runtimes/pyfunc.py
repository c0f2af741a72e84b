"""Call any MLflow model through its python_function flavor, with the semantics of MLflow's server.

Bodies become frames and arrays with MLflow's own functions (`mlflow.utils.proto_json_utils`, the
functions behind `mlflow models serve`), so that casts, column order and schema enforcement are those of
the MLflow version the model runs with. Error messages are ours: they name the column and the cure, never
the data.
"""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_type_hints

from davit_server.errors import InvalidInput, RequestError, Unsupported
from davit_server.formats.csv_table import read_csv
from davit_server.formats.limits import TableLimits
from davit_server.formats.parquet import read_parquet
from davit_server.runtimes import casts, column_faults, nested_faults, raising, refusals
from davit_server.runtimes.base import Example, ModelFacts, Signature
from davit_server.runtimes.signature import describe_signature

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
CHAT_KEYS = frozenset({"messages", "prompt", "input"})
_NOT_INPUTS = frozenset({"context", "params", "return"})


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request in the form that the model takes."""

    data: Any
    params: Any = None


class PyfuncModel:
    """A loaded model and MLflow's protocol around it.

    Args:
        model: An `mlflow.pyfunc.PyFuncModel`.
        path: The folder it was loaded from.
    """

    def __init__(self, model: Any, path: Path) -> None:
        self._model = model
        self._path = path
        self._schema = model.metadata.get_input_schema()
        self.signature: Signature = describe_signature(model.metadata)
        self.facts = _facts_of(model)

    @property
    def mlflow_model(self) -> Any:
        """The `PyFuncModel` itself, for other runtimes."""
        return self._model

    @property
    def predicting_method(self) -> str:
        """The native model's method behind pyfunc's `predict`; some flavors let authors choose it."""
        conf = self._model.metadata.flavors.get("python_function", {})
        return str(conf.get("predict_fn", "predict"))

    @property
    def path(self) -> Path:
        """The folder it was loaded from."""
        return self._path

    @property
    def by_example(self) -> bool:
        """Whether MLflow reshapes frames to the example's own type before the model sees them."""
        from_example = getattr(self._model.metadata, "_is_type_hint_from_example", None)
        return bool(from_example and from_example())

    def example(self) -> Example | None:
        """Return the request that MLflow saved with the model, if there is one."""
        info = getattr(self._model.metadata, "saved_input_example_info", None) or {}
        name = info.get("serving_input_path")
        file = self._path / name if name else None
        return Example(file.read_bytes()) if file is not None and file.is_file() else None

    @staticmethod
    def is_chat(document: dict[str, Any]) -> bool:
        """Return whether a request uses the bare form of chat clients, which gets a bare answer."""
        return not CHAT_KEYS.isdisjoint(document)

    def parse(self, document: dict[str, Any]) -> Parsed:
        """Parse a JSON request as MLflow's scoring server does.

        Raises:
            InvalidInput: The document is none of the four forms, or does not fit the signature.
        """
        if self.is_chat(document):
            return self._parse_chat(document)
        present = {key: value for key, value in document.items() if key in FORMATS}
        params = document.get("params")
        if self.signature.from_type_hint:
            if "inputs" not in present:
                raise InvalidInput(
                    "This model takes its input under the key 'inputs' only: it was logged with a type hint.",
                    code="INVALID_PARAMETER_VALUE",
                )
            return Parsed(present["inputs"], params)
        if len(present) != 1:
            raise InvalidInput(_exactly_one(present))
        return Parsed(self._cast(present), params)

    def _parse_chat(self, document: dict[str, Any]) -> Parsed:
        """Parse the bare form of chat, completion and embedding clients: keys are data or declared params."""
        declared = {param.name for param in self.signature.params}
        params = {key: value for key, value in document.items() if key in declared}
        data = {key: value for key, value in document.items() if key not in declared}
        return Parsed(data, params)

    def _cast(self, present: dict[str, Any]) -> Any:
        """Return one of the four forms as a frame, array or dict, cast to the schema."""
        form, value = next(iter(present.items()))
        value = casts.with_names(form, value, self.signature)
        try:
            return casts.cast(form, value, self._schema, self.signature)
        except InvalidInput:
            raise
        except Exception as failure:
            raise InvalidInput(self._explain_cast(form, value)) from failure

    def _explain_cast(self, form: str, value: Any) -> str:
        """Return which column does not convert, or which form the value should have."""
        explain = partial(refusals.cast_fault, form, value, self._schema, self.signature)
        if fault := refusals.or_nothing(explain):
            return fault
        return (
            f"'{form}' does not fit the model. "
            f"It must be {_SHAPES[form]}{refusals.expectation(self.signature)}."
        )

    def parse_csv(self, body: bytes, limits: TableLimits) -> Parsed:
        """Parse a CSV table with a header line.

        Raises:
            InvalidInput: The body is not UTF-8 or not CSV, or a column does not convert to its type.
            TooLarge: There are more rows or cells than allowed.
        """
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as failure:
            raise InvalidInput("The body is not valid UTF-8.") from failure
        try:
            types = None
            if self._schema is not None:
                types = dict(zip(self._schema.input_names(), self._schema.pandas_types(), strict=False))
            return Parsed(read_csv(text, types, limits))
        except RequestError:
            raise
        except Exception as failure:
            raise InvalidInput(
                refusals.or_nothing(partial(refusals.csv_fault, text, self._schema, self.signature))
                or "The body is not a CSV table with a header line that fits the model"
                f"{refusals.expectation(self.signature)}. Tensors and datetimes have no CSV form: send JSON."
            ) from failure

    def parse_parquet(self, body: bytes, limits: TableLimits) -> Parsed:
        """Parse a Parquet file.

        Raises:
            Unsupported: The model's environment has no Parquet reader.
            InvalidInput: The body is not a Parquet file.
            TooLarge: There are more rows, cells or bytes of values than allowed.
        """
        try:
            return Parsed(read_parquet(body, limits))
        except ImportError as failure:
            raise Unsupported(
                "This server cannot read Parquet: add pyarrow to the model's requirements."
            ) from failure
        except RequestError:
            raise
        except Exception as failure:
            raise InvalidInput("The body is not a Parquet file that pandas can read.") from failure

    def predict(self, parsed: Parsed) -> Any:
        """Call MLflow's `predict`, schema enforcement included.

        Raises:
            InvalidInput: The input does not fit the signature, so the model was not called.
            ModelRaised: The model raised any exception, `SystemExit` included; it is the `__cause__`.
            MemoryError: There is too little memory, which is not a fault of the input.
        """
        data = casts.frame_with_names(parsed.data, self.signature)
        try:
            return self._model.predict(data, params=parsed.params)
        except MemoryError:
            raise
        except BaseException as failure:  # no exception of a model may end the server
            if raising.refused_before_model(failure):
                raise self._explain_refusal(data, parsed.params, failure) from failure
            raise raising.model_raised(data, failure) from failure

    def _explain_refusal(self, data: Any, params: Any, failure: Any) -> InvalidInput:
        """Return which params or data MLflow refused, without quoting either."""
        known = getattr(failure, "error_code", "") == "INVALID_PARAMETER_VALUE"
        code = "INVALID_PARAMETER_VALUE" if known else "BAD_REQUEST"
        schema = self._model.metadata.get_params_schema()
        if fault := refusals.or_nothing(
            partial(refusals.params_fault, params, schema, self.signature.params)
        ):
            return InvalidInput(fault, code=code)
        fault = refusals.or_nothing(partial(self._explain_data, data))
        expected = refusals.expectation(self.signature)
        return InvalidInput(fault or f"The input does not fit the model's signature{expected}.", code=code)

    def _explain_data(self, data: Any) -> str:
        """Return which part of the data does not fit the signature; empty if that is not found."""
        if self.signature.from_type_hint:
            return nested_faults.hint_fault(self._type_hint(), data, self.signature)
        shape = refusals.shape_fault(data, self.signature) or refusals.height_fault(data, self.signature)
        if not self.signature.tensors:
            data = refusals.as_table(data)
        if missing := refusals.missing_inputs(data, self.signature):
            return f"The input lacks {refusals.listed(missing)}{refusals.expectation(self.signature)}."
        if self._schema is not None and hasattr(data, "iloc"):
            return column_faults.frame_fault(data, self._schema, self.signature)
        return shape

    def _type_hint(self) -> Any:
        """Return the type that the model's `predict` declares for its input; None if that is not found."""
        try:
            python_model = self._model.unwrap_python_model()
            hints = get_type_hints(getattr(python_model, "func", python_model.predict))
        except Exception:  # noqa: BLE001  hints are the author's code; without them, use the signature
            return None
        return next((hint for name, hint in hints.items() if name not in _NOT_INPUTS), None)


def load_pyfunc(path: Path) -> PyfuncModel:
    """Load the model in a folder.

    Raises:
        Exception: Any exception of the model's own code; `davit_server.runtimes.diagnosis` explains it.
    """
    from mlflow.pyfunc import load_model

    # MLflow and some flavors behave differently in a serving environment.
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
    return PyfuncModel(load_model(str(path), suppress_warnings=True), path)


def _facts_of(model: Any) -> ModelFacts:
    """Return what the MLmodel file records about origin and flavor."""
    conf = model.metadata.flavors.get("python_function", {})
    loader = conf.get("loader_module", "")
    return ModelFacts(
        flavor=loader,
        run_id=model.metadata.run_id or "",
        mlflow_version=model.metadata.mlflow_version or "",
        python_version=str(conf.get("python_version", "")),
    )


_SHAPES = {
    "dataframe_split": "an object with 'data' (a list of rows) and optionally 'columns' and 'index'",
    "dataframe_records": "a list of objects, one a row",
    "instances": "a list of rows or values",
    "inputs": "a list of rows or an object of columns",
}


def _exactly_one(present: dict[str, Any]) -> str:
    """Return the error for a body with none or several of the four forms."""
    found = f"found {' and '.join(sorted(present))}" if present else "found none of them"
    return f"The body must be a JSON object with exactly one of {', '.join(FORMATS)}: {found}."
