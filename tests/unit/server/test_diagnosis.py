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
    told = explain_load_failure(failure, tmp_path)
    assert (told.stage, told.reason) == ("load", reason)
    assert told.cause.endswith(".")
    assert told.cure.endswith(".")


@pytest.mark.parametrize(
    ("module", "pip"), [("sklearn.ensemble", "scikit-learn==1.2.0"), ("lightgbm", "lightgbm")]
)
def test_a_missing_library_is_reported_as_a_pip_requirement(module, pip, tmp_path):
    (tmp_path / "requirements.txt").write_text("mlflow==3.0\nscikit_learn==1.2.0\n".replace("_", "-"))
    told = explain_load_failure(ModuleNotFoundError("missing", name=module), tmp_path)
    assert f"pip install '{pip}'" in told.cure


def test_a_folder_that_is_no_model_is_refused_before_anything_is_imported(tmp_path):
    with pytest.raises(ModelRejected, match="holds no MLmodel file"):
        require_model_folder(tmp_path)
    with pytest.raises(ModelRejected, match="is not a folder"):
        require_model_folder(tmp_path / "nowhere")


def test_the_termination_message_fits_what_kubernetes_keeps(tmp_path):
    file = tmp_path / "log"
    file.touch()
    TerminationLog(file).tell(ModelRejected("load", "LoadFailed", "x" * 9000, "cure"))
    assert len(file.read_bytes()) <= MAX_BYTES
    assert json.loads(file.read_text())["cure"] == "cure"


def test_without_the_file_nothing_is_written(tmp_path: Path):
    TerminationLog(tmp_path / "none").clear()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [0, 1, None, "no configuration"])
def test_an_exit_is_reported_with_its_code_and_its_place(code):
    told = explain_exit(raised(SystemExit(code)), "load")
    assert told.reason == "ExitedWhileLoading"
    assert f"sys.exit({'' if code is None else repr(code)})" in told.cause
    assert f"{__file__}:" in told.cause


@pytest.mark.parametrize("kind", [KeyboardInterrupt, asyncio.CancelledError, GeneratorExit, BaseException])
@pytest.mark.parametrize("stage", ["load", "smoke-test"])
def test_a_base_exception_that_ends_the_load_is_named(kind, stage):
    told = explain_exit(raised(kind("why")), stage)
    assert told.stage == stage
    assert told.reason.startswith("Interrupted")
    assert kind.__name__ in told.cause
    assert told.cause.endswith(": why.")


def raised(failure: BaseException) -> BaseException:
    with pytest.raises(BaseException) as caught:
        raise failure
    return caught.value


def test_sigterm_while_loading_leaves_a_message_only_after_a_long_load(tmp_path):
    file = tmp_path / "log"
    file.write_text("provisional")
    assert TerminationLog(file).tell_unfinished(None) == 0
    assert file.read_text() == ""
    late = ModelRejected("load", "LoadingTookTooLong", "It waits.", "Look.")
    assert TerminationLog(file).tell_unfinished(late) == 1
    assert json.loads(file.read_text()) == late.as_dict()
