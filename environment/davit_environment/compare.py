"""Compares what a model needs with what an image contains: differences, of which the gravest counts.

By PEP 440 and 508 with the image's own markers. Pure: equal input, equal result, in equal order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from davit_environment import severity
from davit_environment.errors import Refusal, unusable_line
from davit_environment.manifest import RuntimeManifest
from davit_environment.need import ModelNeeds
from davit_environment.requirement_lines import Requirement
from davit_environment.severity import Row, Severity, row_of

PYTHON = "Python"


@dataclass(frozen=True)
class NeededLibrary:
    """A shared library that a package needs from outside.

    Attributes:
        package: Normalised name.
        soname: As in libgomp.so.1.
        main: Whether the package cannot be imported without it; else only a plugin needs it.
    """

    package: str
    soname: str
    main: bool


@dataclass(frozen=True)
class Difference:
    """One thing in which an image is not what the model says.

    Attributes:
        name: A package, Python, or a shared library.
        wanted: What the model says.
        found: What the image has; empty for nothing.
        severity: How grave it is.
        sentence: The difference in severity.
    """

    name: str
    wanted: str
    found: str
    severity: Severity
    sentence: str

    def __str__(self) -> str:
        return f"{self.sentence}: {self.severity.value}"


@dataclass(frozen=True)
class Comparison:
    """How an image differs from what a model says.

    Attributes:
        differences: The gravest first, then by name.
        refusals: What rejects the model with any image, sorted.
        checked: How many requirements were compared, Python included.
    """

    differences: tuple[Difference, ...]
    refusals: tuple[Refusal, ...]
    checked: int

    @property
    def verdict(self) -> Severity:
        """The gravest severity; `note` where the image fits."""
        if self.refusals:
            return Severity.REFUSE
        return max(
            (difference.severity for difference in self.differences), key=_gravity, default=Severity.NOTE
        )

    def of(self, *severities: Severity) -> tuple[Difference, ...]:
        """Return the differences of these severities."""
        return tuple(difference for difference in self.differences if difference.severity in severities)


def compare(
    needs: ModelNeeds, runtime: RuntimeManifest, libraries: Iterable[NeededLibrary] = ()
) -> Comparison:
    """Compare a model with an image.

    Args:
        needs: What the model says.
        runtime: What the image contains.
        libraries: Shared libraries that the packages need from outside, as far as they are known.
    """
    refusals = list(needs.refusals)
    applicable = _applicable(needs.requirements, runtime, refusals)
    narrowing = [
        constraint
        for constraint in _applicable(needs.constraints, runtime, refusals)
        if _version_in(runtime, constraint.name)
    ]
    wanted = list(_wanted(needs, [*applicable, *narrowing]))
    found = [
        *_python(needs, runtime),
        *(difference for one in wanted for difference in _package(one, needs, runtime)),
        *_extras(applicable),
        *_platform(needs, runtime),
        *(_library(library) for library in libraries if library.soname not in runtime.libraries),
    ]
    gravest: dict[str, Difference] = {}
    for difference in sorted(set(found), key=_order):
        gravest.setdefault(difference.name, difference)
    checked = len({name for name, _ in wanted}) + bool(needs.python)
    return Comparison(tuple(gravest.values()), tuple(sorted(set(refusals))), checked)


def _gravity(one: Severity) -> int:
    return one.gravity


def _order(difference: Difference) -> tuple[int, str, str, str]:
    return -difference.severity.gravity, difference.name.lower(), difference.wanted, difference.sentence


def _applicable(
    requirements: Iterable[Requirement], runtime: RuntimeManifest, refusals: list[Refusal]
) -> list[Requirement]:
    """Select those whose markers are true in the image; a marker that cannot be evaluated is a refusal."""
    environment = _marker_environment(runtime)
    found = []
    for requirement in requirements:
        try:
            if requirement.marker is None or requirement.marker.evaluate(environment):
                found.append(requirement)
        except (UndefinedComparison, UndefinedEnvironmentName, InvalidVersion, RecursionError):  # noqa: PERF203  one line's fault is not another's
            cause, cure = "has a marker that cannot be evaluated", "correct it and log the model again"
            refusals.append(unusable_line(requirement.place, cause, cure, requirement.name).refusal)
    return found


def _marker_environment(runtime: RuntimeManifest) -> dict[str, str]:
    return {
        "implementation_name": runtime.implementation,
        "implementation_version": runtime.python,
        "os_name": "posix",
        "platform_machine": runtime.machine,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(
            runtime.implementation, ""
        ),
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": runtime.python,
        "python_version": runtime.minor,
        "sys_platform": "linux",
        "extra": "",
    }


def _wanted(needs: ModelNeeds, applicable: Iterable[Requirement]) -> Iterator[tuple[str, SpecifierSet]]:
    """Yield packages and versions: of lines, of wheels, of the libraries that wrote the model's files."""
    for requirement in applicable:
        yield requirement.name, requirement.specifier
    for wheel in needs.wheels:
        yield wheel.name, SpecifierSet(f"=={wheel.version}")
    for package, version in needs.libraries:
        yield package, SpecifierSet(f"=={version}")


def _python(needs: ModelNeeds, runtime: RuntimeManifest) -> Iterator[Difference]:
    wanted = needs.python
    if not wanted:
        sentence = f"the model does not say its Python, image has {runtime.python}"
        yield Difference(PYTHON, "", runtime.python, severity.PYTHON_UNKNOWN, sentence)
        return
    if wanted in {runtime.python, runtime.minor}:
        return
    same_minor = Version(wanted).release[:2] == Version(runtime.python).release[:2]
    minor = severity.PYTHON_MINOR_BY_VALUE if needs.by_value else severity.PYTHON_MINOR
    sentence = f"{PYTHON} {wanted}, image has {runtime.python}"
    if needs.by_value and not same_minor:
        sentence += ", and the model has code pickled by value"
    yield Difference(PYTHON, wanted, runtime.python, severity.PYTHON_PATCH if same_minor else minor, sentence)


def _package(
    one: tuple[str, SpecifierSet], needs: ModelNeeds, runtime: RuntimeManifest
) -> Iterator[Difference]:
    name, specifier = one
    row = row_of(name, pickled=needs.pickled)
    found = _version_in(runtime, name)
    wanted = _shown(specifier)
    named = f"{name} {wanted}".strip()
    if not found:
        yield Difference(name, wanted, "", row.absent, f"{named}, image does not have it")
    elif not specifier.contains(found, prereleases=True):
        yield Difference(
            name, wanted, found, _severity_of(row, specifier, found), f"{named}, image has {found}"
        )


def _version_in(runtime: RuntimeManifest, name: str) -> str:
    """Return the image's version of a package, in any build; empty where it has none."""
    return next((runtime.packages[one] for one in severity.names_of(name) if one in runtime.packages), "")


def _shown(specifier: SpecifierSet) -> str:
    """Format a pin as its version alone."""
    pin = _pin(specifier)
    return pin or str(specifier)


def _pin(specifier: SpecifierSet) -> str:
    only = list(specifier)
    return only[0].version if len(only) == 1 and only[0].operator in {"==", "==="} else ""


def _severity_of(row: Row, specifier: SpecifierSet, found: str) -> Severity:
    """Judge a version that the specifier does not contain."""
    pin = _pin(specifier)
    try:
        wanted = Version(pin.removesuffix(".*"))
    except InvalidVersion:
        return _severity_of_range(row, specifier, Version(found))
    return _level(row, wanted, Version(found))


def _severity_of_range(row: Row, specifier: SpecifierSet, found: Version) -> Severity:
    """Judge a range that is not met; MLflow's own by its lower bound, the version that logged the model."""
    if row is not severity.MLFLOW:
        return row.unmet
    lowest = [
        Version(one.version)
        for one in specifier
        if one.operator in {">=", "~=", ">"} and "*" not in one.version
    ]
    return _level(row, max(lowest), found) if lowest else row.unmet


def _level(row: Row, wanted: Version, found: Version) -> Severity:
    """Judge by the first number in which two versions differ."""
    side = row.older if found < wanted else row.newer
    if found.epoch != wanted.epoch or found.major != wanted.major:
        return side.major
    return side.minor if found.minor != wanted.minor else side.patch


def _extras(applicable: Iterable[Requirement]) -> Iterator[Difference]:
    """Note every extra: a manifest does not say which ones an image was built with."""
    for requirement in applicable:
        for extra in requirement.extras:
            name = f"{requirement.name}[{extra}]"
            yield Difference(name, extra, "", severity.EXTRA, f"{name}: what the extra adds is not checked")


def _platform(needs: ModelNeeds, runtime: RuntimeManifest) -> Iterator[Difference]:
    """Compare the platform of the wheels, of which MLflow writes system and machine, with the image."""
    said = needs.wheels_platform
    if said and not (said.startswith("Linux") and runtime.machine in said):
        sentence = f"wheels collected on another platform, image is Linux on {runtime.machine}"
        yield Difference("wheels", "", f"Linux on {runtime.machine}", severity.PLATFORM, sentence)


def _library(library: NeededLibrary) -> Difference:
    sentence = f"{library.package} needs {library.soname}, which the image lacks"
    return Difference(library.soname, library.package, "", severity.LIBRARY[library.main], sentence)
