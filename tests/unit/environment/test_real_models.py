"""The small files of models as MLflow 1.20 to 3.17 wrote them, on Python 3.8 to 3.11."""

from pathlib import Path

import pytest
from davit_environment.compare import compare
from davit_environment.manifest import RuntimeManifest
from davit_environment.need import ModelNeeds, read_needs
from davit_environment.severity import Severity

MODELS = Path(__file__).parents[2] / "data" / "input" / "environment" / "models"
EVERY_MODEL = sorted(str(path.parent.relative_to(MODELS)) for path in MODELS.glob("*/*/MLmodel"))


def read(model: str) -> ModelNeeds:
    files = {path.name: path.read_bytes() for path in (MODELS / model).iterdir()}
    return read_needs(files, files.keys())


# model: Python, by value, pickled, the libraries of its files
SAID = {
    "mlflow-1.20.2/sklearn": ("3.8.18", False, True, {"scikit-learn": "0.24.2"}),
    "mlflow-1.20.2/python": ("3.8.18", True, True, {"cloudpickle": "3.1.3"}),
    "mlflow-1.30.1/sklearn": ("3.9.18", False, True, {"scikit-learn": "1.1.3"}),
    "mlflow-1.30.1/python": ("3.9.18", True, True, {"cloudpickle": "2.2.1"}),
    "mlflow-1.30.1/code-path": ("3.9.18", True, True, {"cloudpickle": "2.2.1"}),
    "mlflow-2.9.2/sklearn": ("3.10.13", False, True, {"scikit-learn": "1.2.2"}),
    "mlflow-2.9.2/python": ("3.10.13", True, True, {"cloudpickle": "3.1.3"}),
    "mlflow-2.22/from-code": ("3.11.7", False, False, {}),
    "mlflow-2.22/constrained": ("3.11.7", True, True, {"cloudpickle": "3.1.2"}),
    "mlflow-2.22/lightgbm": ("3.11.7", False, True, {"lightgbm": "4.6.0"}),
    "mlflow-3.17/sklearn": ("3.11.7", False, False, {"scikit-learn": "1.9.1"}),
    "mlflow-3.17/sklearn-cloudpickle": ("3.11.7", False, True, {"scikit-learn": "1.9.1"}),
    "mlflow-3.17/python": ("3.11.7", True, True, {"cloudpickle": "3.1.2"}),
    "mlflow-3.17/constrained": ("3.11.7", True, True, {"cloudpickle": "3.1.2"}),
    "mlflow-3.17/from-code": ("3.11.7", False, False, {}),
    "mlflow-3.17/lightgbm": ("3.11.7", False, False, {"lightgbm": "4.7.0"}),
    "mlflow-3.17/lightgbm-native": ("3.11.7", False, False, {"lightgbm": "4.7.0"}),
    "mlflow-3.17/xgboost": ("3.11.7", False, False, {"xgboost": "3.2.0"}),
}


def test_every_sample_is_expected():
    assert sorted(SAID) == EVERY_MODEL


@pytest.mark.parametrize("model", SAID)
def test_what_mlflow_wrote_is_understood(model: str):
    needs = read(model)
    assert (needs.python, needs.by_value, needs.pickled, dict(needs.libraries)) == SAID[model]
    assert (needs.refusals, needs.notes) == ((), ())
    assert needs.logged_at
    assert needs.mlflow or model.startswith("mlflow-1.20")  # older clients do not say it
    assert "mlflow" in {requirement.name for requirement in needs.requirements}


@pytest.mark.parametrize("model", SAID)
def test_a_model_fits_an_image_that_has_what_it_lists(model: str):
    needs = read(model)
    pins = {one.name: str(one.specifier).removeprefix("==") or "1" for one in needs.requirements}
    pins["numpy"] = "2.4.6" if "<" in pins.get("numpy", "<") else pins["numpy"]
    image = RuntimeManifest(needs.python, packages={**pins, **dict(needs.libraries)})
    assert compare(needs, image).differences == ()


def test_the_files_that_mlflow_writes_for_constraints_are_followed():
    needs = read("mlflow-3.17/constrained")
    (constraint,) = needs.constraints
    assert (constraint.name, str(constraint.specifier)) == ("numpy", "<3")
    assert str(constraint.place) == "constraints.txt line 1"


def test_an_old_scikit_learn_model_differs_in_the_library_and_not_in_pickled_code():
    image = RuntimeManifest(
        "3.11.7", packages={"mlflow": "3.17.2", "cloudpickle": "3.1.3", "scikit-learn": "1.9.1"}
    )
    found = {one.name: one.severity for one in compare(read("mlflow-2.9.2/sklearn"), image).differences}
    assert found == {"scikit-learn": Severity.REFUSE, "Python": Severity.WARN, "mlflow": Severity.NOTE}
