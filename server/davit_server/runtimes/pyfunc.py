"""Any MLflow model through its python_function flavor, with the semantics of MLflow's scoring server.

Bodies become frames and arrays with MLflow's own functions (`mlflow.utils.proto_json_utils`, the
functions behind `mlflow models serve`), so that casts, column order and schema enforcement are those of
the MLflow version the model runs with. What a client is told when that fails is ours: which column and
what to do, never the data.
"""

import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from davit_server.errors import InvalidInput, RequestError, Unsupported
from davit_server.runtimes.base import Example, ModelFacts, Signature
from davit_server.runtimes.csv_table import read_csv
from davit_server.runtimes.limits import TableLimits
from davit_server.runtimes.parquet import read_parquet
from davit_server.runtimes.signature import describe_signature
from davit_server.runtimes.trust import only_computes

logger = logging.getLogger(__name__)

FORMATS = ("dataframe_split", "dataframe_records", "instances", "inputs")
CHAT_KEYS = frozenset({"messages", "prompt", "input"})


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request in the shape the model takes it."""

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
    def path(self) -> Path:
        """The folder it was loaded from."""
        return self._path

    @property
    def by_example(self) -> bool:
        """Whether MLflow reshapes frames to the example's own type before the model sees them."""
        asked = getattr(self._model.metadata, "_is_type_hint_from_example", None)
        return bool(asked and asked())

    def example(self) -> Example | None:
        """The request that MLflow saved with the model, if it saved one."""
        info = getattr(self._model.metadata, "saved_input_example_info", None) or {}
        name = info.get("serving_input_path")
        file = self._path / name if name else None
        return Example(file.read_bytes()) if file is not None and file.is_file() else None

    @staticmethod
    def is_chat(document: dict[str, Any]) -> bool:
        """Whether a request uses the bare form of chat clients, which gets a bare answer."""
        return not CHAT_KEYS.isdisjoint(document)

    def parse(self, document: dict[str, Any]) -> Parsed:
        """A JSON request as MLflow's scoring server reads it.

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
        """The bare form of chat, completion and embedding clients: keys are data or declared params."""
        declared = {param.name for param in self.signature.params}
        params = {key: value for key, value in document.items() if key in declared}
        data = {key: value for key, value in document.items() if key not in declared}
        return Parsed(data, params)

    def _cast(self, present: dict[str, Any]) -> Any:
        """One of the four forms as a frame, array or dict, cast to the schema."""
        from mlflow.utils.proto_json_utils import dataframe_from_parsed_json, parse_tf_serving_input

        form, value = next(iter(present.items()))
        try:
            if form.startswith("dataframe_"):
                return dataframe_from_parsed_json(value, form.removeprefix("dataframe_"), self._schema)
            return parse_tf_serving_input(present, schema=self._schema)
        except Exception as failure:
            raise InvalidInput(self._explain_cast(form, failure)) from failure

    def _explain_cast(self, form: str, failure: Exception) -> str:
        """Which column would not convert, if MLflow names one of the signature's."""
        told = re.search(r"Failed to convert column (.+?) to type '?([^'. ]+)", str(failure))
        if told and told.group(1) in self.signature.names:
            return f"Column '{told.group(1)}' holds a value that cannot be converted to {told.group(2)}."
        expected = _SHAPES[form]
        return f"'{form}' does not fit the model. It must be {expected}{self._expectation()}."

    def _expectation(self) -> str:
        """The signature in a few words."""
        if not self.signature.inputs:
            return ""
        shown = [f"{spec.name or 'values'}: {spec.told}" for spec in self.signature.inputs[:20]]
        more = ", …" if len(self.signature.inputs) > 20 else ""
        return f", for a model that takes {', '.join(shown)}{more}"

    def parse_csv(self, body: bytes, limits: TableLimits) -> Parsed:
        """A CSV table with a header line.

        Raises:
            InvalidInput: Not UTF-8, not CSV, or a column that does not convert to the schema's type.
            TooLarge: More rows or cells than allowed.
        """
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as failure:
            raise InvalidInput("The body is not valid UTF-8.") from failure
        types = None
        if self._schema is not None:
            types = dict(zip(self._schema.input_names(), self._schema.pandas_types(), strict=False))
        try:
            return Parsed(read_csv(text, types, limits))
        except RequestError:
            raise
        except Exception as failure:
            raise InvalidInput(
                f"The body is not a CSV table with a header line that fits the model{self._expectation()}. "
                "Tensors and datetimes have no CSV form: send JSON."
            ) from failure

    def parse_parquet(self, body: bytes, limits: TableLimits) -> Parsed:
        """A Parquet file.

        Raises:
            Unsupported: The model's environment has no Parquet reader.
            InvalidInput: Not a Parquet file.
            TooLarge: More rows, cells or bytes of values than allowed.
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
        """MLflow's `predict`, schema enforcement included.

        Raises:
            InvalidInput: The input does not fit the signature, or the model raised on it.
            MemoryError: There is too little, which is no fault of the input's.
        """
        from mlflow.exceptions import MlflowException

        try:
            return self._model.predict(parsed.data, params=parsed.params)
        except MlflowException as failure:
            raise self._explain_refusal(parsed, failure) from failure
        except MemoryError:
            raise
        except Exception as failure:
            logger.info("the model raised on a request", exc_info=failure)
            raise InvalidInput(_explain_raise(parsed.data, failure)) from failure

    def _explain_refusal(self, parsed: Parsed, failure: Any) -> InvalidInput:
        """MLflow refused params or data; say which without quoting either."""
        known = getattr(failure, "error_code", "") == "INVALID_PARAMETER_VALUE"
        code = "INVALID_PARAMETER_VALUE" if known else "BAD_REQUEST"
        text = str(failure)
        if "Invalid parameters found" in text or "Parameters must be a dictionary" in text:
            kinds = ", ".join(f"{param.name}: {param.kind}" for param in self.signature.params)
            return InvalidInput(f"'params' does not fit the model, which takes {kinds}.", code=code)
        if missing := self._missing(parsed.data):
            return InvalidInput(f"The input lacks {missing}{self._expectation()}.", code=code)
        return InvalidInput(f"The input does not fit the model's signature{self._expectation()}.", code=code)

    def _missing(self, data: Any) -> str:
        """The required inputs that the data does not have, quoted."""
        columns = getattr(data, "columns", data.keys() if isinstance(data, dict) else ())
        present = set(map(str, columns))
        required = [spec.name for spec in self.signature.inputs if spec.name and spec.required]
        return ", ".join(f"'{name}'" for name in required if name not in present)


def load_pyfunc(path: Path) -> PyfuncModel:
    """Load the model in a folder.

    Raises:
        Exception: Whatever the model's own code raises; `davit_server.runtimes.diagnosis` explains it.
    """
    from mlflow.pyfunc import load_model

    # MLflow and some flavors behave differently when they know that they serve.
    os.environ["_MLFLOW_IS_IN_SERVING_ENVIRONMENT"] = "true"
    return PyfuncModel(load_model(str(path), suppress_warnings=True), path)


def _facts_of(model: Any) -> ModelFacts:
    """What the MLmodel file says about origin and flavor."""
    conf = model.metadata.flavors.get("python_function", {})
    loader = conf.get("loader_module", "")
    raw = model.get_raw_model() if loader == "mlflow.sklearn" else None
    return ModelFacts(
        flavor=loader,
        run_id=model.metadata.run_id or "",
        mlflow_version=model.metadata.mlflow_version or "",
        python_version=str(conf.get("python_version", "")),
        trusted_code=only_computes(loader, raw),
    )


_SHAPES = {
    "dataframe_split": "an object with 'data' (a list of rows) and optionally 'columns' and 'index'",
    "dataframe_records": "a list of objects, one a row",
    "instances": "a list of rows or values",
    "inputs": "a list of rows or an object of columns",
}


def _exactly_one(present: dict[str, Any]) -> str:
    """Why the four forms exclude each other."""
    found = f"found {' and '.join(sorted(present))}" if present else "found none of them"
    return f"The body must be a JSON object with exactly one of {', '.join(FORMATS)}: {found}."


def _explain_raise(data: Any, failure: Exception) -> str:
    """The model raised: its type may be told, its message may quote the data."""
    try:
        empty = len(data) == 0
    except TypeError:
        empty = False
    if empty:
        return "The request has no rows, and this model does not accept that: send at least one row."
    return (
        f"The model raised {type(failure).__name__} on this input. Check types and missing values "
        "(null, NaN) against the model's signature; the server's log has the place."
    )
