"""`davit environment check`, as CI runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from davit_environment.check import main
from davit_environment.manifest import RuntimeManifest, write_manifest
from davit_server.cli import main as davit

MODELS = Path(__file__).parents[2] / "data" / "input" / "environment" / "models"
SKLEARN = {
    "mlflow-skinny": "3.17.2",
    "numpy": "2.4.6",
    "pandas": "3.1.1",
    "scikit-learn": "1.9.1",
    "scipy": "1.17.1",
    "skops": "0.16.0",
}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "runtime.json"
    file.write_text(write_manifest(RuntimeManifest("3.11.7", packages=SKLEARN)))
    return file


def check(model: str | Path, manifest: Path, *more: str) -> int:
    return main([str(MODELS / model), "--runtime", str(manifest), *more])


def test_a_model_that_fits_ends_with_zero_and_its_notes(manifest: Path, capsys: pytest.CaptureFixture[str]):
    assert check("mlflow-3.17/sklearn", manifest) == 0
    assert capsys.readouterr().out == (
        "        model   image\n"
        "pytest  9.2.0   -      note\n"
        "rich    15.0.0  -      note\n"
        f"fits: FitsImage: {manifest} has all 9 requirements of sklearn (2 notes)\n"
    )


def test_a_model_that_does_not_fit_ends_with_one_and_its_differences(
    manifest: Path, capsys: pytest.CaptureFixture[str]
):
    assert check("mlflow-2.9.2/python", manifest) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:-1] == [
        "             model    image",
        "cloudpickle  3.1.3    -       refuse",
        "Python       3.10.13  3.11.7  refuse",
        "mlflow       2.9.2    3.17.2  note",
    ]
    assert lines[-1].startswith(
        "refused: EnvironmentMismatch: python was logged with Python 3.10 and cloudpickle"
    )


def test_lines_that_replace_the_models_can_be_tried(manifest: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["--python", "3.11", "--requirement", "cloudpickle==3.1.3", "--requirement", "numpy==2.4.6"]
    assert check("mlflow-2.9.2/python", manifest, *arguments) == 1
    out = capsys.readouterr().out
    assert "Python" not in out.partition("note:")[0]
    assert "note: --requirement: replaces the model's cloudpickle\n" in out


def test_a_line_that_cannot_be_used_is_shown_with_its_number(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "MLmodel").write_text("flavors: {python_function: {python_version: 3.11.7}}")
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\nlib @ git+https://me:secret@x/y\n--pre")
    assert check(tmp_path, manifest) == 1
    out = capsys.readouterr().out
    assert "refuse: requirements.txt line 2 names a git repository; publish a wheel" in out
    assert "note: requirements.txt line 3: --pre is not used" in out
    assert "secret" not in out


def test_it_is_a_command_of_davit(manifest: Path, capsys: pytest.CaptureFixture[str]):
    arguments = [str(MODELS / "mlflow-3.17/sklearn"), "--runtime", str(manifest)]
    assert davit(["environment", "check", *arguments]) == check("mlflow-3.17/sklearn", manifest) == 0
    with pytest.raises(SystemExit):
        davit(["environment", "check", "--help"])
    assert "--runtime MANIFEST" in capsys.readouterr().out


def test_wheels_are_looked_for_in_the_folder(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "MLmodel").write_text("flavors: {}")
    (tmp_path / "requirements.txt").write_text("wheels/numpy-2.4.6-py3-none-any.whl\n")
    assert check(tmp_path, manifest) == 1
    assert "which the model does not have" in capsys.readouterr().out
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "numpy-2.4.6-py3-none-any.whl").touch()
    assert check(tmp_path, manifest) == 0


@pytest.mark.parametrize(
    ("model", "runtime", "arguments", "message"),
    [
        ("missing", "runtime.json", [], "is not a folder; give a model's folder"),
        ("mlflow-3.17/sklearn", "none.json", [], "python -m davit_environment.inspection"),
        ("mlflow-3.17/sklearn", "broken.json", [], "the manifest is not JSON"),
        ("mlflow-3.17/sklearn", "runtime.json", ["--python", "new"], "--python has no version of Python"),
        (
            "mlflow-3.17/sklearn",
            "runtime.json",
            ["--requirement", "./a"],
            "--requirement item 1 names a path",
        ),
    ],
)
def test_wrong_arguments_end_with_two(
    manifest: Path,
    model: str,
    runtime: str,
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
):
    (manifest.parent / "broken.json").write_text("{")
    assert check(model, manifest.parent / runtime, *arguments) == 2
    assert message in capsys.readouterr().err


def test_an_environment_fits_the_models_that_were_logged_in_it(tmp_path: Path):
    run = [sys.executable, "-m", "davit_environment.inspection"]
    written = subprocess.run(run, capture_output=True, text=True, check=True)
    assert written.stderr == ""
    content = json.loads(written.stdout)
    lines = [f"{name}=={version}" for name, version in content["packages"].items()]
    (tmp_path / "requirements.txt").write_text("\n".join(lines))
    (tmp_path / "MLmodel").write_text(
        f"flavors: {{python_function: {{python_version: {content['python']}}}}}"
    )
    (tmp_path / "runtime.json").write_text(written.stdout)
    assert check(tmp_path, tmp_path / "runtime.json") == 0
