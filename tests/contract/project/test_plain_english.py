"""Texts for users, and the code of the folders below, use the field's words, not a dialect of this project."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXTS = [
    "README.md",
    "charts/*/README.md",
    "charts/*/values.yaml",
    "charts/*/templates/NOTES.txt",
    "charts/*/templates/alerts.yaml",
    "charts/*/files/dashboard.json",
    "docs/fields.md",
    "docs/glossary.md",
    "docs/metrics.md",
    "docs/runbooks/*.md",
    "manifests/crds/*.yaml",
    "server/README.md",
]
FOLDERS = [
    "bench",
    "charts",
    "devcluster",
    "examples",
    "manifests",
    "operator",
    "registry",
    "resource",
    "server",
]
"""Folders whose code is checked whole: names, docstrings, comments and messages. A folder joins when it passes."""
CODE = {".lua", ".md", ".py", ".sh", ".tpl", ".txt", ".yaml", ""}
LISTS = {"requirements.txt", "requirements-mlflow2.txt"}
"""Written by uv: comments in them name packages."""
DIALECT = re.compile(
    r"\b(?:told|whoever|whomever|somebody|nobody|anybody|everybody|folk|strangers?|newcomers?"
    r"|(?:is|are|was|were)\s+asked|of\s+its\s+own\s+accord|of\s+before|goes\s+along|in\s+vain|taken\s+back"
    r"|(?<!certificate-)authorit(?:y|ies))\b",
    re.IGNORECASE,
)
"""Say what happens and what does it: reported, configured, rejected, users, new connections, CA certificates."""


def dialect(text: str) -> list[str]:
    """Every such word with its line, sentences that a line or a comment breaks included."""
    joined = re.sub(r"\n[ #]*", lambda found: "\n".ljust(len(found.group())), text)
    return [f"line {joined.count(chr(10), 0, found.start()) + 1}: {' '.join(found.group().split())}"
            for found in DIALECT.finditer(joined)]  # fmt: skip


@pytest.mark.parametrize("pattern", TEXTS)
def test_texts_for_users_are_free_of_dialect(pattern: str):
    files = sorted(ROOT.glob(pattern))
    assert files, f"{pattern} matches no file"
    assert {
        str(file.relative_to(ROOT)): found for file in files if (found := dialect(file.read_text()))
    } == {}


@pytest.mark.parametrize("folder", FOLDERS)
def test_code_is_free_of_dialect(folder: str):
    listed = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True, check=True)
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    checked = [file for file in files if file.suffix in CODE and file.name not in LISTS and file.exists()]
    assert checked
    assert {
        str(file.relative_to(ROOT)): found for file in checked if (found := dialect(file.read_text()))
    } == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A registry that asks for users is told one.", ["line 1: told"]),
        ("Fine.\nWhoever trains is stopped.", ["line 2: Whoever"]),
        ("  # nothing is\n  # asked for", ["line 1: is asked"]),
        ("It ends of its\nown accord.", ["line 1: of its own accord"]),
        ("Trusted authorities, and strangers.", ["line 1: authorities", "line 1: strangers"]),
        ("The kubelet gets --certificate-authority; the servers of\nbefore go on.", ["line 1: of before"]),
        ("The taskmaster foretold a toldot; tasks are masked.", []),
    ],
)
def test_the_check_itself_finds_the_words_and_only_those(text: str, found: list[str]):
    assert dialect(text) == found
