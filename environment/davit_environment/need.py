"""What a model needs: one value, read from the small files of its folder."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar

from davit_environment.conda import CONDA, CondaEnv, read_conda
from davit_environment.errors import Place, Refusal, UnusableError, unreadable_file, unusable_line
from davit_environment.lock import LOCK, LockedPackage, read_lock
from davit_environment.mlmodel import MLMODEL, ModelFile, read_mlmodel
from davit_environment.python_env import PYTHON_ENV, PythonEnv, read_python_env
from davit_environment.requirement_lines import Requirement
from davit_environment.requirements import Requirements, lines_of, read_requirements
from davit_environment.wheels import Wheel

REQUIREMENTS = "requirements.txt"
CONSTRAINTS = "constraints.txt"
FILES = (MLMODEL, PYTHON_ENV, REQUIREMENTS, CONSTRAINTS, CONDA, LOCK)
"""What to read of a model's folder; each may be missing but MLmodel."""

_Read = TypeVar("_Read")


@dataclass(frozen=True)
class ModelNeeds:
    """What a model says about its environment.

    Attributes:
        python: A version of two or three numbers; empty when it is not said.
        mlflow: Of the client that logged the model; empty when it is not said.
        logged_at: In UTC; none when it is not said.
        by_value: Whether code was pickled, which ties it to one minor version of Python.
        pickled: Whether any file of the model is a pickle.
        libraries: Version by package, of the libraries that wrote the model's own files.
        requirements: What it needs, sorted by name.
        constraints: What narrows versions without being needed itself, sorted by name.
        wheels: Wheels inside the model, sorted by name.
        wheels_platform: Where they were collected; empty without them.
        build: Requirement lines of what builds need; `setuptools` may also be needed at run time.
        locked: The author's own lock, if the model has one.
        refusals: What rejects the model, sorted.
        notes: What was read and is not used, sorted.
    """

    python: str = ""
    mlflow: str = ""
    logged_at: dt.datetime | None = None
    by_value: bool = False
    pickled: bool = False
    libraries: tuple[tuple[str, str], ...] = ()
    requirements: tuple[Requirement, ...] = ()
    constraints: tuple[Requirement, ...] = ()
    wheels: tuple[Wheel, ...] = ()
    wheels_platform: str = ""
    build: tuple[str, ...] = ()
    locked: tuple[LockedPackage, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()


def read_needs(files: Mapping[str, bytes], names: Collection[str] | None = None) -> ModelNeeds:
    """Read what a model says. Raises nothing: what is wrong with the files is in the result.

    Args:
        files: The content of `FILES`, as far as the model has them, by path inside the model.
        names: The paths of all files of the model, to see that the wheels are there; none if not known.
    """
    return _Needs(files, names).read()


class _Needs:
    def __init__(self, files: Mapping[str, bytes], names: Collection[str] | None) -> None:
        self._files = files
        self._names = names
        self._refusals: list[Refusal] = []
        self._notes: list[str] = []

    def read(self) -> ModelNeeds:
        model = self._parse(MLMODEL, read_mlmodel, ModelFile())
        if MLMODEL not in self._files:
            missing = unreadable_file(Place(MLMODEL), "is missing", "log the model with MLflow")
            self._refusals.append(missing.refusal)
        python_env = self._parse(PYTHON_ENV, read_python_env, PythonEnv("", (), ()))
        conda = self._parse(CONDA, read_conda, CondaEnv("", (), ()))
        found = self._requirements(python_env, conda)
        self._refusals += found.refusals
        self._refuse_conda(conda, found)
        self._refuse_missing(found.wheels)
        return ModelNeeds(
            python=model.python or python_env.python or conda.python,
            mlflow=model.mlflow,
            logged_at=model.logged_at,
            by_value=model.by_value,
            pickled=model.pickled,
            libraries=model.libraries,
            requirements=tuple(sorted(found.requirements, key=_by_name)),
            constraints=tuple(sorted(found.constraints, key=_by_name)),
            wheels=tuple(sorted(found.wheels, key=lambda wheel: (wheel.name, wheel.file))),
            wheels_platform=model.wheels_platform,
            build=python_env.build,
            locked=self._lock(),
            refusals=tuple(sorted(set(self._refusals))),
            notes=tuple(sorted({*self._notes, *model.notes, *map(str, found.ignored)})),
        )

    def _parse(self, file: str, read: Callable[[bytes], _Read], otherwise: _Read) -> _Read:
        try:
            return read(self._files[file]) if file in self._files else otherwise
        except UnusableError as failure:
            self._refusals.append(failure.refusal)
            return otherwise

    def _requirements(self, python_env: PythonEnv, conda: CondaEnv) -> Requirements:
        """Read the first file that has a list, in the order in which MLflow looks at them."""
        if python_env.lines:
            return read_requirements(self._files, python_env.lines)
        if REQUIREMENTS in self._files:
            none: list[tuple[Place, str]] = []
            lines = self._parse(REQUIREMENTS, lambda data: lines_of(REQUIREMENTS, data), none)
            return read_requirements(self._files, lines)
        if not conda.lines and MLMODEL in self._files:
            self._notes.append(f"{MLMODEL}: the model has no list of requirements")
        return read_requirements(self._files, conda.lines)

    def _lock(self) -> tuple[LockedPackage, ...]:
        """Read the lock; a broken one is a note, as requirements.txt was exported from it."""
        try:
            return read_lock(self._files[LOCK]) if LOCK in self._files else ()
        except UnusableError as failure:
            self._notes.append(f"{failure.refusal.place} {failure.refusal.cause} and is not used")
            return ()

    def _refuse_conda(self, conda: CondaEnv, found: Requirements) -> None:
        pip = found.names()
        for place, name in conda.packages:
            if name not in pip:
                cause = f"names {name}, which only conda installs"
                cure = f"add {name}==VERSION to the requirements, or build an image with it"
                self._refusals.append(unusable_line(place, cause, cure, name).refusal)

    def _refuse_missing(self, wheels: Collection[Wheel]) -> None:
        for wheel in wheels:
            if self._names is not None and wheel.file not in self._names:
                cause = f"names the wheel {wheel.file}, which the model does not have"
                failure = unusable_line(wheel.place, cause, "log the model again", wheel.name)
                self._refusals.append(failure.refusal)


def _by_name(requirement: Requirement) -> tuple[str, str, str]:
    return requirement.name, str(requirement.specifier), str(requirement.marker or "")
