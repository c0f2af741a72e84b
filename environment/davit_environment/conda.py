"""What `conda.yaml` says: the interpreter, a list for pip, and packages that only conda has."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from davit_environment.errors import Place, unreadable_file
from davit_environment.python_env import read_list
from davit_environment.yaml_reader import read_mapping

CONDA = "conda.yaml"
_TOOLS = {"pip", "setuptools", "wheel"}
_SPEC = re.compile(
    r"(?:[^\s]*::)?(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]{0,99})\s*(?:(?P<operator>[=<>!~]{1,2})\s*(?P<version>[0-9]{1,3}(?:\.[0-9]{1,3}){0,2})?)?"
)


@dataclass(frozen=True)
class CondaEnv:
    """The file's content.

    Attributes:
        python: A version, exact or with two numbers; empty when it is not said or is a range.
        lines: Requirement lines for pip, with the item of the list where each stands.
        packages: Other packages, normalised, with the item where each stands.
    """

    python: str
    lines: tuple[tuple[Place, str], ...]
    packages: tuple[tuple[Place, str], ...]


def read_conda(data: bytes, file: str = CONDA) -> CondaEnv:
    """Parse the file.

    Raises:
        UnusableError: It is not YAML, or `dependencies` is no list of texts with at most one list for pip.
    """
    dependencies = read_mapping(file, data).get("dependencies")
    if dependencies is None:
        dependencies = []
    if not isinstance(dependencies, list):
        raise unreadable_file(Place(file), "has no list in dependencies", "log the model again")
    python = ""
    lines: list[tuple[Place, str]] = []
    packages: list[tuple[Place, str]] = []
    for number, entry in enumerate(dependencies, start=1):
        place = Place(file, number, "item")
        if isinstance(entry, dict) and set(entry) == {"pip"}:
            pip = read_list(file, "pip", entry["pip"])
            lines += [(Place(file, index, "pip item"), line) for index, line in enumerate(pip, start=1)]
            continue
        name, operator, version = _spec(entry, place)
        if name == "python":
            python = version if operator in {"=", "=="} else ""
        elif name not in _TOOLS:
            packages.append((place, name))
    return CondaEnv(python, tuple(lines), tuple(packages))


def _spec(entry: Any, place: Place) -> tuple[str, str, str]:
    """Name, operator and version of an item; the rest of it, such as a channel, is not kept."""
    found = _SPEC.match(entry) if isinstance(entry, str) else None
    if found is None:
        raise unreadable_file(place, "is no package of conda", "log the model again")
    return canonicalize_name(found["name"]), found["operator"] or "", found["version"] or ""
