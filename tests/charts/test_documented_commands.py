"""What the pages about the charts tell a person to type or to write works with the charts as they are."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from support.charts.rendering import CHARTS, ROOT, documents, notes, render

PAGES = ["README.md", "charts/README.md", "charts/mlflow-stack/README.md", "charts/davit-operator/README.md"]
PAGES += ["examples/guides/README.md", "docs/runbooks/mlflow-stack.md", "docs/runbooks/davit.md"]
NOTES = {
    "": "notes",
    "restore.from=latest": "notes while restoring",
    "auth.enabled=true,tls.enabled=true": "notes with walls",
}

# Everything that the charts can make, under the names that the pages use.
EVERYTHING = [
    "garbageCollection.enabled=true,auth.enabled=true,tls.enabled=true",
    "restore.from=latest",
]


def texts() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        yield page, (ROOT / page).read_text()
    for values, name in NOTES.items():
        yield name, notes("--set", values)


@cache
def commands() -> list[tuple[str, str]]:
    """Every line that begins a command of kubectl or helm with the lines that continue it, and where it stands."""
    found = []
    for page, text in texts():
        joined = re.sub(r" *\\\n\s*", " ", text).replace("$NAME", "mlflow").replace("$NS", "davit")
        inline = re.findall(r"`((?:kubectl|helm) [^`]+)`", joined)
        lines = [line.strip() for line in joined.splitlines()]
        found += [(page, line) for line in lines if line.startswith(("kubectl ", "helm "))]
        found += [(page, " ".join(command.split())) for command in inline]
    return found


def installations() -> list[tuple[str, str]]:
    return [
        (page, line) for page, line in commands() if re.match(r"helm (install|upgrade) \S+ charts/", line)
    ]


@pytest.mark.parametrize(("page", "command"), installations())
def test_a_documented_installation_renders(page: str, command: str):
    words = shlex.split(command, comments=True)
    release, chart = words[2:4]
    values = [(word, following) for word, following in pairwise(words) if word in {"--set", "--values"}]
    files = [str(ROOT / value) if word == "--values" else value for word, value in values]
    flags = [part for (word, _), value in zip(values, files, strict=True) for part in (word, value)]
    assert render(Path(chart).name, release, *flags)
    if words[1] == "upgrade":
        # Without the reset a value that a newer chart brings is missing.
        assert "--reset-then-reuse-values" in words


def operators() -> list[tuple[str, str]]:
    found = [(page, line) for page, line in installations() if "charts/davit-operator" in line]
    return [(page, line) for page, line in found if line.startswith("helm install")]


@pytest.mark.parametrize(("page", "command"), operators())
def test_a_documented_operator_knows_a_registry(page: str, command: str):
    words = shlex.split(command, comments=True)
    flags = [part for word, value in pairwise(words) if word == "--set" for part in (word, value)]
    objects = documents(render("davit-operator", words[2], *flags))
    [deployment] = [obj for obj in objects if obj["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    secrets = [source["secretRef"]["name"] for source in container.get("envFrom", [])]
    assert "mlflow-davit-connection" in secrets, "without a registry every ModelDeployment is Stalled"


def test_the_pages_and_the_notes_say_how_to_install_the_operator():
    assert {page for page, _ in operators()} >= {"README.md", "charts/README.md", "notes"}


def blocks() -> list[tuple[str, str]]:
    return [
        (chart, block)
        for chart in ("mlflow-stack", "davit-operator")
        for block in re.findall(
            r"^```yaml\n(.*?)^```", (CHARTS / chart / "README.md").read_text(), re.MULTILINE | re.DOTALL
        )
    ]


@pytest.mark.parametrize(("owner", "block"), blocks())
def test_documented_values_are_values_that_the_chart_takes(owner: str, block: str, tmp_path: Path):
    (tmp_path / "values.yaml").write_text(block)
    assert render(owner, "mlflow", "--values", str(tmp_path / "values.yaml"))


@cache
def made() -> set[tuple[str, str]]:
    """Kind and name of everything that the charts make, claims of StatefulSets included."""
    objects = documents(render("davit-operator", "davit"))
    for values in EVERYTHING:
        objects += documents(render("mlflow-stack", "mlflow", "--set", values))
    return {(obj["kind"].lower(), obj["metadata"]["name"]) for obj in objects}


KINDS = {"svc": "service", "services": "service", "deploy": "deployment", "secrets": "secret"}
NAMED = re.compile(
    r"\b(deployment|deploy|statefulset|cronjob|service|svc|secret)[/ ]((?:mlflow|davit)[a-z0-9-]*)\b"
)


def named() -> list[tuple[str, str, str]]:
    return sorted(
        {
            (page, KINDS.get(kind, kind), name)
            for page, line in commands()
            for kind, name in NAMED.findall(line)
            if line.startswith("kubectl")
        }
    )


@pytest.mark.parametrize(("page", "kind", "name"), named())
def test_a_documented_object_is_one_that_the_charts_make(page: str, kind: str, name: str):
    assert (kind, name) in made()


def test_documented_selectors_select_something():
    rendered = "".join(render("mlflow-stack", "mlflow", "--set", values) for values in EVERYTHING)
    rendered += render("davit-operator", "davit")
    asked = {
        tuple(label.split("="))
        for _, line in commands()
        for selector in re.findall(r"(?:--selector|-l)[= ](\S+)", line)
        for label in selector.strip("'\"").split(",")
        if "=" in label
    }
    assert len(asked) > 3
    ours = {(key, value) for key, value in asked if key.startswith("app.kubernetes.io/")}
    assert [f"{key}={value}" for key, value in ours if f"{key}: {value}" not in rendered] == []


def test_these_tests_read_a_minimum_of_commands():
    assert len(installations()) >= 10
    assert len(blocks()) >= 4
    assert len(named()) >= 12
