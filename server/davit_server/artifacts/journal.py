"""What of an unfinished file is already on disk, so that a restarted container goes on from there."""

import hashlib
from pathlib import Path

from davit_registry import File


class Journal:
    """The finished parts of one file: a line with its entity tag, then a line per part.

    A journal of another entity tag is of no use and is begun anew. Without a tag nothing is remembered:
    nobody could say whether the rest would belong to the same bytes.

    Args:
        folder: Where journals lie.
        file: The file that is being downloaded.
        part_bytes: Size of the parts; part of the journal's identity.
    """

    def __init__(self, folder: Path, file: File, part_bytes: int) -> None:
        self._path = folder / hashlib.sha256(file.path.encode()).hexdigest()
        self._title = f"{file.etag} {file.size} {part_bytes}"
        self._remembers = bool(file.etag)

    def finished(self, target: Path) -> set[int]:
        """Numbers of the parts that need no download, given the file as it is on disk."""
        if not (self._remembers and target.exists() and self._path.exists()):
            self._begin()
            return set()
        title, *lines = self._path.read_text().split("\n")
        if title != self._title:
            self._begin()
            return set()
        # The last line may have been cut off by a kill; only whole lines end with a full stop.
        return {int(line[:-1]) for line in lines if line.endswith(".")}

    def note(self, part: int) -> None:
        """Remembers that a part is on disk."""
        if self._remembers:
            with self._path.open("a") as stream:
                stream.write(f"{part}.\n")

    def forget(self) -> None:
        """The file is complete, or of no use."""
        self._path.unlink(missing_ok=True)

    def _begin(self) -> None:
        if self._remembers:
            self._path.write_text(self._title + "\n")
