"""Wheels inside a model, as MLflow's `add_libraries_to_model` puts them there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from davit_environment.errors import Place, unusable_line

WHEEL_SUFFIX = ".whl"


@dataclass(frozen=True)
class Wheel:
    """A wheel that a requirement line names.

    Attributes:
        name: Of its package, normalised.
        version: Of its package.
        file: Path inside the model.
        tags: The interpreters and platforms that it fits, as in `py3-none-any`; sorted.
        place: The line.
    """

    name: str
    version: str
    file: str
    tags: tuple[str, ...]
    place: Place


def read_wheel(path: str, place: Place) -> Wheel:
    """Parse the name of a wheel's file.

    Args:
        path: Relative to the model's folder.
        place: The line that names it.

    Raises:
        UnusableError: Its name is not that of a wheel.
    """
    file = PurePosixPath(path)
    try:
        name, version, _, tags = parse_wheel_filename(file.name)
    except (InvalidWheelFilename, ValueError):
        raise unusable_line(
            place, "names a wheel whose file name is not that of a wheel", "build the wheel again"
        ) from None
    return Wheel(name, str(version), str(file), tuple(sorted(map(str, tags))), place)
