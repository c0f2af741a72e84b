"""`davit environment check`: the comparison for CI, before a version is registered."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from davit_environment.compare import Comparison, Difference, compare
from davit_environment.errors import UnusableError
from davit_environment.manifest import PATH, ManifestError, RuntimeManifest, read_manifest
from davit_environment.messages import judge
from davit_environment.need import FILES, ModelNeeds, read_needs
from davit_environment.replacing import replace_lines, replace_python
from davit_environment.severity import Severity
from davit_environment.text import MLMODEL_BYTES

USAGE_ERROR = 2
_DESCRIPTION = "Compare what a model says about its environment with what an image contains."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.description = _DESCRIPTION
    parser.add_argument("model", metavar="MODEL_FOLDER", type=Path, help="the folder with the MLmodel file")
    parser.add_argument(
        "--runtime",
        metavar="MANIFEST",
        type=Path,
        default=Path(PATH),
        help=f"the image's manifest (default {PATH}, which Davit's server images have)",
    )
    parser.add_argument(
        "--python", default="", metavar="X.Y", help="instead of the Python that the model says"
    )
    parser.add_argument(
        "--requirement",
        action="append",
        default=[],
        metavar="LINE",
        help="replaces the model's line of that name, or adds one; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    """Compare, print the differences, and return the exit code: 0 fits, 1 refused, 2 wrong arguments."""
    try:
        runtime = _read_runtime(options.runtime)
        needs = _read_model(options.model)
        needs = replace_lines(needs, options.requirement, "--requirement")
        needs = replace_python(needs, options.python, "--python") if options.python else needs
    except (LookupError, ManifestError, UnusableError) as failure:
        print(f"davit: {failure}", file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    comparison = compare(needs, runtime)
    finding = judge(options.model.resolve().name, str(options.runtime), comparison, runtime)
    for line in report(comparison, needs):
        print(line)  # noqa: T201
    print(f"{'fits' if finding.fits else 'refused'}: {finding.reason}: {finding.message}")  # noqa: T201
    return 0 if finding.fits else 1


def report(comparison: Comparison, needs: ModelNeeds) -> list[str]:
    """Lay out the differences as a table, then lines that cannot be used, then notes."""
    rows = [("", "model", "image", "")]
    rows += [_row(difference) for difference in comparison.differences]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    table = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    refused = [f"{Severity.REFUSE.value}: {refusal}" for refusal in comparison.refusals]
    return [*(table if comparison.differences else []), *refused, *(f"note: {note}" for note in needs.notes)]


def _row(difference: Difference) -> tuple[str, str, str, str]:
    return difference.name, difference.wanted or "-", difference.found or "-", difference.severity.value


def _read_runtime(path: Path) -> RuntimeManifest:
    try:
        return read_manifest(path.read_bytes())
    except OSError as failure:
        raise LookupError(
            f"{path}: {failure.strerror}; write one in the image with: python -m davit_environment.inspection"
        ) from None


def _read_model(folder: Path) -> ModelNeeds:
    if not folder.is_dir():
        raise LookupError(f"{folder} is not a folder; give a model's folder")
    names = {
        Path(parent, name).relative_to(folder).as_posix()
        for parent, _, files in os.walk(folder)
        for name in files
    }
    return read_needs({name: _read(folder / name) for name in FILES if name in names}, names)


def _read(file: Path) -> bytes:
    """Read one byte more than any file may have, so that a larger one is still refused."""
    with file.open("rb") as content:
        return content.read(MLMODEL_BYTES + 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Run `python -m davit_environment.check`."""
    parser = argparse.ArgumentParser(prog="davit environment check")
    add_arguments(parser)
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
