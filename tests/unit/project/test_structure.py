"""The rules of the house that no linter knows: where things live and how large they may grow."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from statistics import median, quantiles

import davit_operator
import davit_server
import pytest

ROOT = Path(__file__).parents[3]
THIS = "tests/unit/project/test_structure.py"
PACKAGES = [
    "operator/davit_operator",
    "server/davit_server",
    "registry/davit_registry",
    "resource/davit_resource",
    "environment/davit_environment",
    "devcluster",
]
FOLDERS = [
    "operator",
    "server",
    "registry",
    "resource",
    "environment",
    "devcluster",
    "charts",
    "manifests",
    "examples",
    "tests",
]


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", length


def test_the_folder_named_operator_is_not_a_package():
    assert list((ROOT / "operator").glob("*.py")) == []
    found = subprocess.run(
        [sys.executable, "-c", "import operator; print(operator.add(1, 2))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "3"


def test_the_packages_have_the_version_of_the_project():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (davit_server.__version__, davit_operator.__version__) == (version, version)


def test_fetch_imports_nothing_that_takes_long():
    heavy = {
        "fastapi",
        "pydantic",
        "uvicorn",
        "mlflow",
        "numpy",
        "pandas",
        "httpx",
        "boto3",
        "botocore",
        "importlib.metadata",
    }
    code = "import sys, davit_server.cli, davit_server.artifacts.command; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(found.stdout.split()) == set()


def test_tests_contains_no_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_folder_has_a_readme_or_docstring(folder: str):
    readme = ROOT / folder / "README.md"
    assert readme.is_file(), f"{folder}/README.md is missing: start it with what the folder is and is not"
    assert len(readme.read_text().split()) > 30


@pytest.mark.parametrize("package", PACKAGES)
def test_files_stay_below_300_lines(package: str):
    long = {
        str(p.relative_to(ROOT)): n for p in sources(package) if (n := len(p.read_text().splitlines())) > 300
    }
    assert long == {}, "split by topic"


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_stay_small(package: str):
    sizes = dict(pair for path in sources(package) for pair in functions(path))
    assert {name: n for name, n in sizes.items() if n > 60} == {}, "no function above 60 lines"
    assert median(sizes.values()) <= 10
    assert quantiles(sizes.values(), n=10)[-1] <= 30


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_has_a_meaningless_name(package: str):
    vague = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [str(p.relative_to(ROOT)) for p in sources(package) if p.stem in vague] == []


def test_every_mention_of_the_distribution_has_its_name():
    """On the public index, `davit` is another project; this one has the name in pyproject.toml."""
    name = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    wrong = re.compile(
        r"\bdavit\[\w|--reinstall-package[ \",]+davit[ \",]|pip install [^\n|;]*\bdavit\b(?!-)"
    )
    texts = {
        path: (ROOT / path).read_text(errors="replace")
        for path in listed.stdout.splitlines()
        if (ROOT / path).suffix in {".md", ".py", ".toml", ".txt", ".yaml", ""} and (ROOT / path).is_file()
    }
    assert name != "davit"
    assert {path for path, text in texts.items() if wrong.search(text)} - {THIS} == set()
    assert any(f"{name}[server]" in text for text in texts.values())
    assert metadata.version(name)


def test_the_layers_in_the_architecture_page_equal_the_import_contracts():
    page = (ROOT / "docs" / "architecture.md").read_text()
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [one["layers"] for one in linter["contracts"] if one["type"] == "layers"]
    checked = {" > ".join(names).replace("davit_operator.", "") for names in layers}
    assert {re.sub("[()]", "", found) for found in re.findall(r"`(\w+ > [^`]+)`", page)} == checked
    assert len(checked) == 3, "one for the operator, two for the server: its rooms, and those of a process"
