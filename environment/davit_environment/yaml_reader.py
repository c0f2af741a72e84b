"""YAML of a model's file to plain values, without anything by which a small file becomes a large one."""

from __future__ import annotations

from typing import Any

import yaml

from davit_environment.errors import Place, UnusableError, unreadable_file
from davit_environment.text import FILE_BYTES, read_text

_DEPTH = 40
_NODES = 100_000
_NULL = {"", "~", "null", "Null", "NULL"}
# Without types: 3.10 stays 3.10, and no text becomes a date that does not exist, or a number that takes
# minutes to compute. libyaml, where PyYAML was built with it, is ten times faster.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_CURE = "log the model again with an unchanged MLflow, or correct the file"


def read_mapping(file: str, data: bytes, limit: int = FILE_BYTES) -> dict[str, Any]:
    """Parse a file that holds one mapping. Every scalar is text; what YAML reads as null is left out.

    Raises:
        UnusableError: It is too large, not YAML, no mapping, or has aliases, tags, more than 40 levels, or
            more than 100 000 nodes.
    """
    text = read_text(file, data, limit)
    try:
        _inspect(file, text)
        value = yaml.load(text, Loader=_LOADER)  # noqa: S506  constructs nothing but text, lists and mappings
    except yaml.YAMLError as failure:
        mark = getattr(failure, "problem_mark", None)
        place = Place(file, mark.line + 1 if mark else 0)
        raise unreadable_file(place, "is not YAML", _CURE) from None
    if not isinstance(value, dict):
        raise unreadable_file(Place(file), "holds no mapping of names to values", _CURE)
    return present(value)


def present(value: Any) -> dict[str, Any]:
    """Select the entries of a mapping that are not null; none for any other value."""
    if not isinstance(value, dict):
        return {}
    return {key: entry for key, entry in value.items() if not (isinstance(entry, str) and entry in _NULL)}


def _inspect(file: str, text: str) -> None:
    """Check the events, which takes no memory, before anything is built of them."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise _refused(file, event, "has an alias (*name)")
        if isinstance(event, yaml.NodeEvent):
            nodes += 1
            if getattr(event, "tag", None) is not None:
                raise _refused(file, event, "has a tag (!name)")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH or nodes > _NODES:
            limits = f"is nested deeper than {_DEPTH} levels, or has more than {_NODES} values"
            raise _refused(file, event, limits)


def _refused(file: str, event: Any, cause: str) -> UnusableError:
    mark = event.start_mark
    return unreadable_file(Place(file, mark.line + 1 if mark else 0), cause, _CURE)
