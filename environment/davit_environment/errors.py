"""Why a line or a file of a model cannot be used: reason, place, cause and cure."""

from __future__ import annotations

from dataclasses import dataclass

LINE_UNUSABLE = "RequirementUnusable"
"""A line names something that no package index can provide."""
FILE_UNREADABLE = "EnvironmentUnreadable"
"""A file that describes the environment is too large, or not of its format."""


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands.

    Attributes:
        file: Path inside the model, or the field that the text comes from.
        number: Counted from one; zero where the whole file is meant.
        unit: What is counted: lines of a text, items of a list in a YAML file.
    """

    file: str
    number: int = 0
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file} {self.unit} {self.number}" if self.number else self.file


@dataclass(frozen=True, order=True)
class Refusal:
    """Something that rejects the model. Holds no credential and no text of an unreadable line.

    Attributes:
        place: File and line.
        reason: One PascalCase word, stable across releases.
        cause: What is wrong; reads on from the place.
        cure: What to do, as an imperative.
        name: The package that the line names, normalised; empty where it names none that can be read.
    """

    place: Place
    reason: str
    cause: str
    cure: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.place} {self.cause}; {self.cure}"


class UnusableError(Exception):
    """A file or line cannot be used.

    Attributes:
        refusal: Why.
    """

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(str(refusal))


def unusable_line(place: Place, cause: str, cure: str, name: str = "") -> UnusableError:
    """Make the error for one line."""
    return UnusableError(Refusal(place, LINE_UNUSABLE, cause, cure, name))


def unreadable_file(place: Place, cause: str, cure: str) -> UnusableError:
    """Make the error for a whole file."""
    return UnusableError(Refusal(place, FILE_UNREADABLE, cause, cure))
