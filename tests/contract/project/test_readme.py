"""The commands in the README exist, and do what the demo does."""

import ast
import inspect
import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from davit_server.cli import main as davit
from mlflow import MlflowClient

from devcluster.images.catalog import IMAGES
from examples.demo.stage import REQUEST

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]


def starting_with(word: str) -> list[list[str]]:
    """Commands in blocks and in the text, split into words, without the first."""
    inline = re.findall(rf"`({word} [^`]+)`", README)
    return [command.split()[1:] for command in [*COMMANDS, *inline] if command.startswith(f"{word} ")]


def test_every_command_is_of_a_kind_that_is_checked_here():
    assert {command.split()[0] for command in COMMANDS} <= {
        "make",
        "davit",
        "helm",
        "kubectl",
        "pip",
        "curl",
    }


def test_the_first_screen_installs_deploys_predicts_rolls_back_and_shows_the_demo():
    screen = README[: README.index("\n## ")]
    steps = ["\n```\n", "helm install mlflow", "helm install davit", "kind: ModelDeployment", "kubectl apply"]
    steps += ["curl ", "set_registered_model_alias", "make demo"]
    found = [screen.index(step) for step in steps]
    assert found == sorted(found)
    assert len(screen.splitlines()) <= 75


def test_every_image_to_push_is_named_with_the_value_that_takes_it():
    section = README.partition("\n## Images\n")[2].partition("\n## ")[0]
    for image in IMAGES.values():
        assert image.official or f"davit.dev/{image.name}" in section
    for chart in ("davit-operator", "mlflow-stack"):
        values = yaml.safe_load((ROOT / "charts" / chart / "values.yaml").read_text())
        ours = [path for path, repository in repositories(values) if repository.startswith("davit.dev/")]
        assert ours
        assert [path for path in ours if f"`{path}`" not in section] == []


def repositories(values: dict, path: str = "") -> list[tuple[str, str]]:
    """The values of a chart that name an image, with their paths."""
    found = [(f"{path}{name}", value) for name, value in values.items() if name == "repository"]
    nested = [(name, value) for name, value in values.items() if isinstance(value, dict)]
    return found + [pair for name, value in nested for pair in repositories(value, f"{path}{name}.")]


def test_the_prediction_is_the_one_that_the_demo_compares():
    (command,) = [shlex.split(command) for command in COMMANDS if command.startswith("curl ")]
    (body,) = [word.removeprefix("@") for word in command if word.startswith("@")]
    assert json.loads((ROOT / body).read_text()) == REQUEST
    assert command[-1].endswith(":8080/invocations")
    assert "kubectl port-forward service/iris 8080:80" in COMMANDS
    # What the guides' tests read from an installed stack.
    answer = '`{"predictions": [0, 1, 2]}`'
    assert answer in README
    assert answer in (ROOT / "examples" / "guides" / "README.md").read_text()


def test_rolling_back_is_a_call_that_mlflow_has():
    (block,) = blocks("python")
    (call,) = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call) and node.args]
    method = getattr(MlflowClient, ast.unparse(call.func).rpartition(".")[2])
    inspect.signature(method).bind(None, *(ast.literal_eval(argument) for argument in call.args))


def test_the_figures_come_near_the_end():
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert headings.index("Performance") >= len(headings) - 2


@pytest.mark.parametrize("target", sorted({words[0] for words in starting_with("make")}))
def test_make_knows_the_target(target: str):
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert target in re.findall(r"^  make (\S+)", shown, re.MULTILINE) or target == "help"


@pytest.mark.parametrize("words", starting_with("davit"))
def test_davit_knows_the_command(words: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        davit([words[0], "--help"])
    assert ended.value.code == 0
    options = [word for word in words if word.startswith("--")]
    assert all(option in capsys.readouterr().out for option in options)


@pytest.mark.parametrize("words", starting_with("helm"))
def test_helm_finds_the_chart(words: list[str]):
    # What it gives the chart, and which objects kubectl names: tests/charts/test_documented_commands.py.
    assert words[0] == "test" or (ROOT / words[2] / "Chart.yaml").is_file()


def test_the_extra_that_pip_installs_exists():
    extras = re.findall(r"\.\[(\w+)\]", " ".join(COMMANDS))
    project = (ROOT / "pyproject.toml").read_text()
    assert extras
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras)


def test_the_six_lines_are_those_of_the_demo_and_of_the_sample():
    (shown,) = blocks("yaml")
    assert shown == (ROOT / "examples" / "iris.yaml").read_text()
    assert yaml.safe_load(shown) == yaml.safe_load(
        (ROOT / "manifests" / "samples" / "minimal.yaml").read_text()
    )
    assert len(shown.splitlines()) == 6


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", README))))
def test_links_lead_somewhere(link: str):
    path, _, section = link.partition("#")
    path = path or "README.md"
    assert (ROOT / path).exists()
    assert not section or section in sections(ROOT / path)


def sections(page: Path) -> list[str]:
    """The names by which links reach the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return [re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_every_folder_is_introduced():
    folders = {path.parent.name for path in ROOT.glob("[a-z]*/README.md")}
    assert folders <= {link.rstrip("/") for link in re.findall(r"\]\(([a-z]+)/\)", README)}
