"""Golden files: tests/data/input/x.yaml in, tests/data/golden/x.yaml out, reviewed like code."""

import difflib
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parents[1] / "data"
INPUT = DATA / "input"
GOLDEN = DATA / "golden"


class Golden:
    """Compares text with golden files, or rewrites them under --update-golden."""

    def __init__(self, *, update: bool) -> None:
        self._update = update

    def check(self, name: str, text: str) -> None:
        """Fails with a diff unless the golden file holds exactly this text."""
        path = GOLDEN / name
        if self._update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return
        assert path.is_file(), f"{path} is missing: run pytest with --update-golden and review it"
        diff = difflib.unified_diff(
            path.read_text().splitlines(), text.splitlines(), "golden", "now", lineterm=""
        )
        assert not (lines := list(diff)), "\n".join(
            [f"{path} differs; if that is right: --update-golden", *lines]
        )

    def check_yaml(self, name: str, documents: list[dict[str, Any]]) -> None:
        """The same for objects, as one YAML stream with sorted keys."""
        self.check(name, yaml.dump_all(documents, Dumper=_PlainDumper, sort_keys=True, width=110))


class _PlainDumper(yaml.SafeDumper):
    """Writes repeated parts out in full."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
