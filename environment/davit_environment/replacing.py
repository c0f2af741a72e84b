"""A person's own lines in place of the model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from davit_environment.errors import Place, unusable_line
from davit_environment.need import ModelNeeds
from davit_environment.python_env import read_python
from davit_environment.requirement_lines import Requirement, read_line


def replace_lines(needs: ModelNeeds, lines: Sequence[str], field: str) -> ModelNeeds:
    """Replace requirements.

    A line replaces everything that the model says of that name: its lines, refused ones included, and the
    version of the library that its MLmodel names. A line of another name is added.

    Args:
        needs: What the model says.
        lines: Requirements, with versions, extras and markers.
        field: Where they come from, for messages.

    Raises:
        UnusableError: A line is more than a requirement: an option, a URL, a path.
    """
    own = [_read(line, Place(field, number, "item")) for number, line in enumerate(lines, start=1)]
    names = {requirement.name for requirement in own}
    said = {one.name for one in needs.requirements} | {one.name for one in needs.wheels}
    replaced = sorted(names & (said | dict(needs.libraries).keys()))
    kept = [requirement for requirement in needs.requirements if requirement.name not in names]
    return replace(
        needs,
        requirements=tuple(sorted([*kept, *own], key=lambda requirement: requirement.name)),
        wheels=tuple(wheel for wheel in needs.wheels if wheel.name not in names),
        libraries=tuple(pair for pair in needs.libraries if pair[0] not in names),
        refusals=tuple(refusal for refusal in needs.refusals if refusal.name not in names),
        notes=tuple(sorted({*needs.notes, *(f"{field}: replaces the model's {name}" for name in replaced)})),
    )


def replace_python(needs: ModelNeeds, version: str, field: str) -> ModelNeeds:
    """Replace the version of Python.

    Raises:
        UnusableError: The version is none.
    """
    return replace(needs, python=read_python(field, version))


def _read(line: str, place: Place) -> Requirement:
    """Parse one requirement and nothing else.

    Raises:
        UnusableError: It is an option, has one, or names a URL or path.
    """
    entries = read_line(line, place)
    if len(entries) == 1 and isinstance(entries[0], Requirement) and not entries[0].hashes:
        return entries[0]
    raise unusable_line(place, "is more than a requirement", "write NAME==VERSION")
