"""The package runs in every runtime image, so under every Python that a model may need."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import davit_environment
import pytest
from davit_environment.manifest import read_manifest

SUPPORTED = ("3.10", "3.11", "3.12", "3.13", "3.14")
MODEL = Path(__file__).parents[2] / "data" / "input" / "environment" / "models" / "mlflow-3.17" / "lightgbm"
LIBRARIES = ("packaging", "yaml")  # both run from source; PyYAML does without its extension then


def interpreter(version: str) -> Path:
    """A Python of that minor version: on the path, or of pyenv."""
    found = [
        shutil.which(f"python{version}"),
        *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
    ]
    programs = [Path(program) for program in found if program]
    if not programs:
        pytest.skip(f"Python {version} is not on this machine")
    return programs[-1]


@pytest.fixture(params=SUPPORTED)
def python(request: pytest.FixtureRequest) -> Path:
    return interpreter(request.param)


@pytest.fixture
def packages(tmp_path: Path, python: Path) -> dict[str, str]:
    """An environment in which that interpreter finds ours and its libraries, and nothing else of this one."""
    folder = tmp_path / "packages"
    folder.mkdir()
    ours = Path(davit_environment.__file__).parent
    for source in (ours, *(_folder_of(name) for name in LIBRARIES)):
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    if python.name.endswith("3.10") or ".pyenv/versions/3.10." in str(python):
        shutil.copytree(_toml_reader(python), folder / "tomli")
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def _folder_of(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent


def _toml_reader(python: Path) -> Path:
    """Before 3.11 Python has none; pip brings the one that we would install."""
    code = "import pip._vendor.tomli; print(*pip._vendor.tomli.__path__)"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    if found.returncode != 0:
        pytest.skip("this Python has no TOML reader")
    return Path(found.stdout.strip())


def run(python: Path, packages: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-W", "error", *words]
    return subprocess.run(command, env=packages, capture_output=True, text=True, check=False)


def test_every_module_compiles(python: Path, packages: dict[str, str], tmp_path: Path):
    environment = {**packages, "PYTHONPYCACHEPREFIX": str(tmp_path / "bytecode")}
    ended = run(python, environment, "-m", "compileall", "-q", f"{packages['PYTHONPATH']}/davit_environment")
    assert (ended.returncode, ended.stdout) == (0, "")


def test_an_image_with_it_describes_itself_and_is_compared_with_a_model(
    python: Path, packages: dict[str, str], tmp_path: Path
):
    written = run(python, packages, "-m", "davit_environment.inspection")
    assert (written.returncode, written.stderr) == (0, "")
    manifest = read_manifest(written.stdout.encode())
    assert manifest.minor in str(python.resolve()) + python.name
    (tmp_path / "runtime.json").write_text(written.stdout)
    compared = run(
        python,
        packages,
        "-m",
        "davit_environment.check",
        str(MODEL),
        "--runtime",
        str(tmp_path / "runtime.json"),
    )
    assert (compared.returncode, compared.stderr) == (1, "")
    assert ["lightgbm", "4.7.0", "-", "refuse"] in [line.split() for line in compared.stdout.splitlines()]
