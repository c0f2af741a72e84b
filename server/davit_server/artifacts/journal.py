"""What of an unfinished fetch is on disk already, so that a restarted container goes on from there.

One file, appended to: a line of JSON per event, the first saying what is being fetched. A kill can cut off
only the last line. Nothing is flushed to the disk (that would cost more than the download), so what stands
here holds until the machine itself restarts, and the first line names that start of the machine.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """The first line: what is being fetched. A journal of anything else is of no use.

    Attributes:
        digest: Of the files.
        location: Where they come from: files without entity tags have a digest that says less.
        part_bytes: Size of the parts.
        boot: Which start of the machine.
    """

    digest: str
    location: str
    part_bytes: int
    boot: str


def boot_id() -> str:
    """Return the identifier of this start of the machine; empty where the system has none."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


class Journal:
    """The finished parts and files of one fetch.

    Args:
        path: Where it is kept.
        header: What is being fetched.

    Attributes:
        is_new: Whether there was none with this header.
    """

    def __init__(self, path: Path, header: JournalHeader) -> None:
        self._path = path
        self._parts: dict[str, set[int]] = {}
        self._checks: dict[str, str] = {}
        self._done: set[str] = set()
        self._header = {"header": asdict(header)}
        first, *rest = _whole_lines(path)
        self.is_new = first != self._header
        if not self.is_new:
            for line in rest:
                self._learn(line)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Start a journal where there was none with this header, or go on with it."""
        # Rewritten in either case: a line that was cut off would spoil the next one.
        half = self._path.with_suffix(".part")
        half.write_text("".join(json.dumps(line) + "\n" for line in [self._header, *self._lines()]))
        half.rename(self._path)
        with self._path.open("a", buffering=1) as self._stream:
            yield

    def parts(self, path: str) -> set[int]:
        """Return the numbers of the parts of a file that are on disk."""
        return self._parts.get(path, set())

    def check(self, path: str) -> str:
        """Return the checksum of a file, as an earlier response of the store had it."""
        return self._checks.get(path, "")

    def is_done(self, path: str) -> bool:
        """Whether a file is complete and verified."""
        return path in self._done

    def note_part(self, path: str, number: int, check: str) -> None:
        """Note that a part is on disk."""
        self._note({"path": path, "part": number, "check": check})

    def note_done(self, path: str) -> None:
        """Note that a file is complete and verified."""
        self._note({"path": path, "done": True})

    def forget(self, path: str) -> None:
        """Note that what is on disk of a file is of no use."""
        self._note({"path": path, "done": False})

    def _note(self, line: dict[str, Any]) -> None:
        self._learn(line)
        self._stream.write(json.dumps(line) + "\n")

    def _learn(self, line: dict[str, Any]) -> None:
        path = line["path"]
        if "part" in line:
            self._parts.setdefault(path, set()).add(line["part"])
            self._checks[path] = line["check"]
            return
        self._parts.pop(path, None)
        self._checks.pop(path, None)
        (self._done.add if line["done"] else self._done.discard)(path)

    def _lines(self) -> list[dict[str, Any]]:
        done = [{"path": path, "done": True} for path in sorted(self._done)]
        return done + [
            {"path": path, "part": number, "check": self._checks[path]}
            for path, numbers in sorted(self._parts.items())
            for number in sorted(numbers)
        ]


def _whole_lines(path: Path) -> list[Any]:
    """Read the lines that were written to their end; a single None when there are none."""
    try:
        lines = path.read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines] or [None]
    except (OSError, ValueError):
        return [None]
