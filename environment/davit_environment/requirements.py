"""All requirements of a model: a file of lines, and the files that it includes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from davit_environment.errors import Place, Refusal, UnusableError, unreadable_file, unusable_line
from davit_environment.requirement_lines import Ignored, Include, Requirement, logical_lines, read_line
from davit_environment.text import read_text
from davit_environment.wheels import Wheel

LINES = 5000
"""In all files together; what an environment of 600 packages locks to, with comments, has 2000."""
_DEPTH = 5


@dataclass
class Requirements:
    """What the lines say, in their order, and what is wrong with some of them.

    Attributes:
        requirements: What is needed.
        constraints: What narrows versions without being needed itself.
        wheels: Wheels inside the model.
        ignored: Options that are not used.
        refusals: Lines and files that cannot be used.
    """

    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    wheels: list[Wheel] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    def names(self) -> set[str]:
        """Collect the names of all packages that are needed."""
        return {one.name for one in self.requirements} | {one.name for one in self.wheels}


def read_requirements(
    files: Mapping[str, bytes], lines: Iterable[tuple[Place, str]], folder: str = ""
) -> Requirements:
    """Read lines and follow `-r` and `-c` inside the model.

    Args:
        files: The model's small files by path.
        lines: Logical lines, without comments, with their places.
        folder: The folder inside the model that included files are relative to.
    """
    reader = _Reader(files)
    reader.read(lines, folder, constraint=False, parents=())
    return reader.found


def lines_of(file: str, data: bytes) -> list[tuple[Place, str]]:
    """Split a file into logical lines.

    Raises:
        UnusableError: It cannot be read as text.
    """
    return [(Place(file, number), line) for number, line in logical_lines(read_text(file, data)) if line]


class _Reader:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._left = LINES
        self._read: set[tuple[str, bool]] = set()
        self.found = Requirements()

    def read(
        self, lines: Iterable[tuple[Place, str]], folder: str, *, constraint: bool, parents: tuple[str, ...]
    ) -> None:
        for place, line in lines:
            self._left -= 1
            if self._left < 0:
                if self._left == -1:
                    cause = f"is one of more than {LINES} lines"
                    self.found.refusals.append(
                        unreadable_file(place, cause, "log fewer requirements").refusal
                    )
                return
            try:
                for entry in read_line(line, place):
                    self._take(entry, folder, constraint=constraint, parents=parents)
            except UnusableError as failure:
                self.found.refusals.append(failure.refusal)

    def _take(
        self,
        entry: Requirement | Include | Ignored | Wheel,
        folder: str,
        *,
        constraint: bool,
        parents: tuple[str, ...],
    ) -> None:
        match entry:
            case Include():
                self._follow(entry, folder, constraint=constraint or entry.constraint, parents=parents)
            case Ignored():
                self.found.ignored.append(entry)
            case Wheel() if constraint:
                raise unusable_line(entry.place, "constrains to a file", "write NAME==VERSION", entry.name)
            case Wheel():
                self.found.wheels.append(entry)
            case Requirement():
                (self.found.constraints if constraint else self.found.requirements).append(entry)

    def _follow(self, entry: Include, folder: str, *, constraint: bool, parents: tuple[str, ...]) -> None:
        path = posixpath.normpath(posixpath.join(folder, entry.file)) if entry.file else ""
        cure = "log the model with a flat list of requirements"
        if "://" in entry.file or path.startswith(("/", "..")) or not path:
            raise unusable_line(entry.place, "includes a file outside the model", cure)
        if path not in self._files:
            raise unusable_line(entry.place, "includes a file that the model does not have", cure)
        if path in parents or len(parents) >= _DEPTH:
            raise unusable_line(entry.place, "includes files in a circle, or too deep", cure)
        if (path, constraint) in self._read:  # once is enough, and many times would cost as often
            return
        self._read.add((path, constraint))
        lines = lines_of(path, self._files[path])
        self.read(lines, posixpath.dirname(path), constraint=constraint, parents=(*parents, path))
