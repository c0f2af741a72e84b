"""What MLflow writes today is what is read: names of files, keys of MLmodel, lines of requirements."""

import warnings
from pathlib import Path

import pytest
from davit_environment import conda, lock, mlmodel, need, python_env
from davit_environment.need import read_needs
from support.models.saved import mlflow

SOURCES = Path(mlflow.__file__).parent
FLAVORS_OF_OLDER_CLIENTS = {"fastai_version"}


def test_the_files_have_the_names_that_mlflow_gives_them():
    from mlflow.models import wheeled_model
    from mlflow.utils import environment, uv_utils

    assert mlmodel.MLMODEL == mlflow.models.model.MLMODEL_FILE_NAME
    assert python_env.PYTHON_ENV == environment._PYTHON_ENV_FILE_NAME
    assert need.REQUIREMENTS == environment._REQUIREMENTS_FILE_NAME
    assert need.CONSTRAINTS == environment._CONSTRAINTS_FILE_NAME
    assert conda.CONDA == environment._CONDA_ENV_FILE_NAME
    assert lock.LOCK == uv_utils._UV_LOCK_FILE
    assert (wheeled_model._WHEELS_FOLDER_NAME, wheeled_model._PLATFORM) == ("wheels", "platform")


@pytest.mark.parametrize("key", sorted(mlmodel._LIBRARIES.keys() - FLAVORS_OF_OLDER_CLIENTS))
def test_every_version_that_is_compared_is_a_key_that_a_flavor_writes(key: str):
    sources = [*SOURCES.glob("*/__init__.py"), *SOURCES.glob("*/model.py"), *SOURCES.glob("*/save.py")]
    assert any(key in source.read_text() for source in sources)


def test_a_model_saved_today_says_what_it_was_saved_with(tmp_path: Path):
    (tmp_path / "narrow.txt").write_text("numpy<3\n")
    lines = [
        "numpy>=2",
        f"-c {tmp_path / 'narrow.txt'}",
        "--extra-index-url https://me:secret@packages.corp/simple",
        "acme[fast]==1.2; python_version < '3'",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")

        class Echo(mlflow.pyfunc.PythonModel):
            def predict(self, context, model_input, params=None):
                return model_input

        mlflow.pyfunc.save_model(tmp_path / "model", python_model=Echo(), pip_requirements=lines)
    files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    needs = read_needs(files, files.keys())
    assert needs.refusals == ()
    assert needs.python == mlflow.utils.PYTHON_VERSION
    assert needs.mlflow == mlflow.__version__
    assert (needs.by_value, needs.pickled) == (True, True)
    assert {one.name: str(one.specifier) for one in needs.requirements} == {
        "acme": "==1.2",
        "mlflow": f"=={mlflow.__version__}",
        "numpy": ">=2",
    }
    assert [f"{one.name}{one.specifier}" for one in needs.constraints] == ["numpy<3"]
    assert all(note.endswith("--extra-index-url packages.corp is not used") for note in needs.notes)
