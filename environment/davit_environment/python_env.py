"""What `python_env.yaml` says: the interpreter, what builds need, and which lists of requirements count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from davit_environment.errors import Place, unreadable_file
from davit_environment.yaml_reader import read_mapping

PYTHON_ENV = "python_env.yaml"
_PYTHON = re.compile(r"[1-9]\d{0,2}\.\d{1,3}(?:\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?\+?)?")


@dataclass(frozen=True)
class PythonEnv:
    """The file's content.

    Attributes:
        python: A version with two or three numbers; empty when it is not said.
        build: Requirement lines of what must be there before the others are installed.
        lines: Requirement lines, with the item of the list where each stands.
    """

    python: str
    build: tuple[str, ...]
    lines: tuple[tuple[Place, str], ...]


def read_python_env(data: bytes, file: str = PYTHON_ENV) -> PythonEnv:
    """Parse the file.

    Raises:
        UnusableError: It is not YAML, or has values of other types than MLflow writes.
    """
    content = read_mapping(file, data)
    build = read_list(file, "build_dependencies", content.get("build_dependencies"))
    dependencies = read_list(file, "dependencies", content.get("dependencies"))
    lines = tuple((Place(file, number, "item"), line) for number, line in enumerate(dependencies, start=1))
    return PythonEnv(read_python(file, content.get("python")), tuple(build), lines)


def read_python(file: str, value: Any) -> str:
    """Check a version of Python; null becomes an empty text.

    Raises:
        UnusableError: It is no version.
    """
    if value is None:
        return ""
    if not isinstance(value, str) or not _PYTHON.fullmatch(value):
        raise unreadable_file(Place(file), "has no version of Python in python", "write it as in 3.11.7")
    return value.rstrip("+")


def read_list(file: str, key: str, value: Any) -> list[str]:
    """Check a list of texts; null becomes an empty list.

    Raises:
        UnusableError: It is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise unreadable_file(Place(file), f"has no list of texts in {key}", "log the model again")
    return [line.strip() for entry in value for line in [entry.replace("\n", " ")]]
