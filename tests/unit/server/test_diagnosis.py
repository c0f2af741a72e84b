"""From an exception while loading to a cause and a cure."""

import asyncio
import errno
import json
from pathlib import Path

import pytest
from davit_server.errors import ModelRejected
from davit_server.runtimes.diagnosis import explain_exit, explain_load_failure, require_model_folder
from davit_server.termination import MAX_BYTES, TerminationLog


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (MemoryError(), "OutOfMemory"),
        (OSError(errno.ENOSPC, "full"), "DiskFull"),
        (ModuleNotFoundError("No module named 'x'", name="x.y"), "MissingLibrary"),
        (ImportError("cannot import name 'a' from 'b'"), "BrokenLibrary"),
        (AttributeError("Can't get attribute 'Model'"), "UnpicklingFailed"),
        (ValueError('Model does not have the "python_function" flavor'), "UnsupportedFlavor"),
        (RuntimeError("boom"), "LoadFailed"),
    ],
)
def test_each_kind_of_failure_has_its_reason(failure, reason, tmp_path):
    rejection = explain_load_failure(failure, tmp_path)
    assert (rejection.stage, rejection.reason) == ("load", reason)
    assert rejection.cause.endswith(".")
    assert rejection.cure.endswith(".")


@pytest.mark.parametrize(
    ("module", "pip"), [("sklearn.ensemble", "scikit-learn==1.2.0"), ("lightgbm", "lightgbm")]
)
def test_the_cure_names_the_distribution_and_the_models_version(module, pip, tmp_path):
    (tmp_path / "requirements.txt").write_text("mlflow==3.0\nscikit_learn==1.2.0\n".replace("_", "-"))
    rejection = explain_load_failure(ModuleNotFoundError("missing", name=module), tmp_path)
    assert f"pip install '{pip}'" in rejection.cure


def test_a_folder_that_is_no_model_is_refused_before_anything_is_imported(tmp_path):
    with pytest.raises(ModelRejected, match="holds no MLmodel file"):
        require_model_folder(tmp_path)
    with pytest.raises(ModelRejected, match="is not a folder"):
        require_model_folder(tmp_path / "nowhere")


def test_the_termination_message_fits_what_kubernetes_keeps(tmp_path):
    file = tmp_path / "log"
    file.touch()
    TerminationLog(file).write(ModelRejected("load", "LoadFailed", "x" * 9000, "cure"))
    assert len(file.read_bytes()) <= MAX_BYTES
    assert json.loads(file.read_text())["cure"] == "cure"


def test_without_the_file_nothing_is_written(tmp_path: Path):
    TerminationLog(tmp_path / "none").clear()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [0, 1, None, "no configuration"])
def test_an_exit_is_reported_with_its_code_and_its_place(code):
    rejection = explain_exit(raised(SystemExit(code)), "load")
    assert rejection.reason == "ExitedWhileLoading"
    assert f"sys.exit({'' if code is None else repr(code)})" in rejection.cause
    assert f"{__file__}:" in rejection.cause


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, BaseException])
@pytest.mark.parametrize("stage", ["load", "smoke-test"])
def test_a_base_exception_that_ends_the_load_is_named(kind, stage):
    rejection = explain_exit(raised(kind("why")), stage)
    assert rejection.stage == stage
    assert rejection.reason.startswith("Interrupted")
    assert kind.__name__ in rejection.cause
    assert rejection.cause.endswith(": why.")


def raised(failure: BaseException) -> BaseException:
    with pytest.raises(BaseException) as caught:
        raise failure
    return caught.value


def test_sigterm_while_loading_leaves_a_message_only_after_a_long_load(tmp_path):
    file = tmp_path / "log"
    file.write_text("provisional")
    assert TerminationLog(file).write_unfinished(None) == 0
    assert file.read_text() == ""
    late = ModelRejected("load", "LoadingTookTooLong", "It waits.", "Look.")
    assert TerminationLog(file).write_unfinished(late) == 1
    assert json.loads(file.read_text()) == late.as_dict()
