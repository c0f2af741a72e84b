"""What an MLmodel file says about the environment, for MLflow 1 to 3."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version

from davit_environment.errors import Place
from davit_environment.text import MLMODEL_BYTES
from davit_environment.yaml_reader import present, read_mapping

MLMODEL = "MLmodel"
PYTHON_FUNCTION = "python_function"
_VERSION_CHARACTERS = 100
_PICKLES = ("cloudpickle", "pickle")
_PICKLE_SUFFIXES = (".pkl", ".pickle", ".joblib", ".pth")
_PICKLING_FLAVORS = {"pmdarima", "pytorch", "statsmodels"}
_LIBRARIES = {
    "catboost_version": "catboost",
    "fastai_version": "fastai",
    "h2o_version": "h2o",
    "keras_version": "keras",
    "langchain_version": "langchain",
    "lgb_version": "lightgbm",
    "onnx_version": "onnx",
    "openai_version": "openai",
    "paddle_version": "paddlepaddle",
    "pmdarima_version": "pmdarima",
    "prophet_version": "prophet",
    "pyspark_version": "pyspark",
    "pytorch_version": "torch",
    "sentence_transformers_version": "sentence-transformers",
    "shap_version": "shap",
    "sklearn_version": "scikit-learn",
    "spacy_version": "spacy",
    "statsmodels_version": "statsmodels",
    "transformers_version": "transformers",
    "xgb_version": "xgboost",
}


@dataclass(frozen=True)
class ModelFile:
    """The parts of an MLmodel file that concern the environment.

    Attributes:
        python: The exact version that logged the model; empty when it is not said.
        mlflow: Of the client that logged the model; empty before MLflow 1.26.
        logged_at: In UTC; none when it is not said.
        flavors: Their names, sorted.
        libraries: Version by package, of the libraries that wrote the model's own files.
        by_value: Whether code was pickled, which ties it to one minor version of Python.
        pickled: Whether any file of the model is a pickle.
        from_code: Whether the model is a source file that is run when it is loaded.
        code_path: The folder that goes in front of the import path; empty for none.
        wheels_platform: Where the model's wheels were collected; empty without wheels.
        notes: Values that could not be read and are not needed.
    """

    python: str = ""
    mlflow: str = ""
    logged_at: dt.datetime | None = None
    flavors: tuple[str, ...] = ()
    libraries: tuple[tuple[str, str], ...] = ()
    by_value: bool = False
    pickled: bool = False
    from_code: bool = False
    code_path: str = ""
    wheels_platform: str = ""
    notes: tuple[str, ...] = ()


def read_mlmodel(data: bytes) -> ModelFile:
    """Parse the file; what is missing stays empty, and what has an unexpected type becomes a note.

    Raises:
        UnusableError: It is too large, or not YAML of the kind that MLflow writes.
    """
    content = read_mapping(MLMODEL, data, MLMODEL_BYTES)
    flavors = {
        name: present(flavor)
        for name, flavor in present(content.get("flavors")).items()
        if isinstance(flavor, dict)
    }
    function = flavors.get(PYTHON_FUNCTION, {})
    notes: list[str] = []
    by_value = any(_by_value(flavor, function) for flavor in flavors.values())
    return ModelFile(
        python=_version(function, "python_version", notes),
        mlflow=_version(content, "mlflow_version", notes),
        logged_at=_time(content, notes),
        flavors=tuple(sorted(flavors)),
        libraries=tuple(sorted(_libraries(flavors, by_value=by_value, notes=notes))),
        by_value=by_value,
        pickled=by_value or any(_pickled(name, flavor) for name, flavor in flavors.items()),
        from_code=bool(_text(function, "model_code_path")),
        code_path=_text(function, "code"),
        wheels_platform=_text(present(content.get("wheels")), "platform"),
        notes=tuple(notes),
    )


def _by_value(flavor: dict[str, Any], function: dict[str, Any]) -> bool:
    if _text(flavor, "python_model"):
        return True
    pickled = _text(flavor, "serialization_format") == "cloudpickle"
    return pickled and ("cloudpickle_version" in flavor or "cloudpickle_version" in function)


def _pickled(name: str, flavor: dict[str, Any]) -> bool:
    written = _text(flavor, "serialization_format")
    if written:
        return written in _PICKLES
    files = (_text(flavor, key) for key in ("pickled_model", "data", "model_path"))
    return name in _PICKLING_FLAVORS or any(file.endswith(_PICKLE_SUFFIXES) for file in files)


def _libraries(
    flavors: dict[str, dict[str, Any]], *, by_value: bool, notes: list[str]
) -> Iterator[tuple[str, str]]:
    for flavor in flavors.values():
        for key, package in _LIBRARIES.items():
            if version := _version(flavor, key, notes):
                yield package, version
        # A model from code names it too, and no file of it is read with it.
        if by_value and (version := _version(flavor, "cloudpickle_version", notes)):
            yield "cloudpickle", version


def _text(mapping: dict[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def _version(mapping: dict[str, Any], key: str, notes: list[str]) -> str:
    value = mapping.get(key)
    if value is None:
        return ""
    try:
        if len(value) <= _VERSION_CHARACTERS:
            return str(Version(value.removesuffix("+")))  # a Python built between two releases has it
        notes.append(f"{Place(MLMODEL)}: {key} has more than {_VERSION_CHARACTERS} characters")
    except (AttributeError, InvalidVersion, TypeError, ValueError):
        notes.append(f"{Place(MLMODEL)}: {key} is no version")
    return ""


def _time(content: dict[str, Any], notes: list[str]) -> dt.datetime | None:
    value = content.get("utc_time_created")
    if value is None:
        return None
    try:
        time = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        notes.append(f"{Place(MLMODEL)}: utc_time_created is no time")
        return None
    return time if time.tzinfo else time.replace(tzinfo=dt.timezone.utc)
