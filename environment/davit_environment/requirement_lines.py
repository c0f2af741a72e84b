"""One line of a requirements file, as pip reads it, to what it says.

A line is never handed to an installer and never shown whole: URLs may hold passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as ParsedRequirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from davit_environment.errors import Place, unusable_line
from davit_environment.hosts import host_of
from davit_environment.wheels import WHEEL_SUFFIX, Wheel, read_wheel

LINE_CHARACTERS = 64 * 1024
"""With all continuations: a package with 150 files has as many hashes of 80 characters."""
REQUIREMENT_CHARACTERS = 2000
"""Name, versions and marker."""

_COMMENT_LINE = re.compile(r"\s*#")
_COMMENT = re.compile(r"(?:\A|\s)#")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_DIRECT = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,99})\s*(?:\[[^\]]*\])?\s*@")
_VERSION_CONTROL = ("git+", "hg+", "svn+", "bzr+")
_ARCHIVES = (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tar.xz", ".tar")
_HASH = re.compile(r"sha(?:256:[0-9a-f]{64}|384:[0-9a-f]{96}|512:[0-9a-f]{128})")
_FOLLOWED = {"-r": "requirement", "-c": "constraint"}
_INDEXES = {"-i": "index-url", "-f": "find-links"}
_WITH_VALUE = {
    *("index-url", "pypi-url", "extra-index-url", "find-links", "trusted-host", "requirement", "constraint"),
    *("no-binary", "only-binary", "use-feature", "hash", "config-settings", "config-setting"),
    *("global-option", "install-option", "build-option", "editable", "uploaded-prior-to"),
}
_SWITCHES = {"no-index", "pre", "prefer-binary", "require-hashes", "no-deps"}
_HOSTS = {"index-url", "pypi-url", "extra-index-url", "find-links"}
_INTO_MODEL = "publish a wheel to your index, or put it into the model (MLflow's add_libraries_to_model)"


@dataclass(frozen=True)
class Requirement:
    """A package that the model needs.

    Attributes:
        name: Normalised, as in `scikit-learn`.
        specifier: The versions that are accepted; empty for any.
        place: Where it stands.
        extras: Normalised and sorted.
        marker: When it applies; none for always.
        hashes: Of the files that an installer may use, as in `sha256:…`.
    """

    name: str
    specifier: SpecifierSet
    place: Place
    extras: tuple[str, ...] = ()
    marker: Marker | None = None
    hashes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Include:
    """`-r FILE` or `-c FILE`."""

    file: str
    constraint: bool
    place: Place


@dataclass(frozen=True)
class Ignored:
    """An option that changes nothing here: where packages come from is the platform's decision.

    Attributes:
        option: Its long name, without hyphens.
        host: The host that it names, if it names one.
        place: Where it stands.
    """

    option: str
    host: str
    place: Place

    def __str__(self) -> str:
        host = f" {self.host}" if self.host else ""
        return f"{self.place}: --{self.option}{host} is not used"


Entry = Requirement | Include | Ignored | Wheel


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with what continues them, without comments; each with the number of its first."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), start=1):
        first = first or number
        comment = _COMMENT_LINE.match(line) is not None
        if line.endswith("\\") and not comment:
            parts.append(line[:-1])
            continue
        parts.append(f" {line}" if comment else line)  # a comment ends what it continues
        yield first, _without_comment("".join(parts))
        parts, first = [], 0
    if parts:
        yield first, _without_comment("".join(parts))


def _without_comment(line: str) -> str:
    found = _COMMENT.search(line)
    return (line[: found.start()] if found else line).strip()


def read_line(text: str, place: Place) -> list[Entry]:
    """Parse one logical line; an empty one, or a comment, has no entries.

    Raises:
        UnusableError: It names something that no index provides, or cannot be read.
    """
    if len(text) > LINE_CHARACTERS:
        raise unusable_line(place, f"has more than {LINE_CHARACTERS} characters", "split the line")
    words = _without_comment(text).split()
    start = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    options = list(_options(words[start:], place))
    if start == 0:
        return [_option(name, value, place) for name, value in options]
    hashes = tuple(_hash(value, place) for name, value in options if name == "hash")
    found = read_requirement(" ".join(words[:start]), place, hashes)
    return [found, *(Ignored(name, "", place) for name, _ in options if name != "hash")]


def _options(words: list[str], place: Place) -> Iterator[tuple[str, str]]:
    """Yield options by their long names, with their values."""
    rest = iter(words)
    for word in rest:
        short = word[:2] if word[1:2] != "-" else ""
        option, equals, value = word.partition("=")
        if short:
            option = {**_FOLLOWED, **_INDEXES, "-e": "editable"}.get(short, "")
            value = word[2:].removeprefix("=")
        else:
            option = option.removeprefix("--")
        if option in _WITH_VALUE:
            yield option, value or ("" if equals and not short else next(rest, ""))
        elif option in _SWITCHES and not equals:
            yield option, ""
        else:
            shown = f" --{option}" if _NAME.fullmatch(option) and option.islower() else ""
            raise unusable_line(place, f"has an unknown option{shown}", "remove it and log the model again")


def _option(name: str, value: str, place: Place) -> Entry:
    if name == "editable":
        raise unusable_line(place, "names a source folder (--editable)", _INTO_MODEL)
    if name in {"requirement", "constraint"}:
        return Include(value, name == "constraint", place)
    return Ignored(name, host_of(value) if name in _HOSTS and _URL.match(value) else "", place)


def _hash(value: str, place: Place) -> str:
    if not _HASH.fullmatch(value):
        raise unusable_line(place, "has a --hash that is no sha256, sha384 or sha512", "log the model again")
    return value


def read_requirement(text: str, place: Place, hashes: tuple[str, ...] = ()) -> Requirement | Wheel:
    """Parse a requirement, or the path of a wheel inside the model.

    Raises:
        UnusableError: It names a repository, a URL, a path, or is no requirement at all.
    """
    if len(text) > REQUIREMENT_CHARACTERS:
        raise unusable_line(place, f"has more than {REQUIREMENT_CHARACTERS} characters", "shorten it")
    _reject_location(text, place)
    if text.endswith(WHEEL_SUFFIX):
        return read_wheel(text, place)
    try:
        parsed = ParsedRequirement(text)
    # Recursion: parentheses that never close. Value: a version with more digits than Python reads.
    except (InvalidRequirement, RecursionError, ValueError):
        begins = _NAME.match(text)
        shown = f" (it begins with {begins.group()[:40]})" if begins else ""
        raise unusable_line(place, f"is no requirement{shown}", "write NAME==VERSION") from None
    extras = tuple(sorted(canonicalize_name(extra) for extra in parsed.extras))
    name = canonicalize_name(parsed.name)
    return Requirement(name, parsed.specifier, place, extras, parsed.marker, tuple(sorted(hashes)))


def _reject_location(text: str, place: Place) -> None:
    """Refuse what is installed from a place instead of an index."""
    direct = _DIRECT.match(text)
    name = canonicalize_name(direct["name"]) if direct else ""
    location = text[direct.end() :].strip() if direct else text
    kind = location.lower()
    if kind.startswith(_VERSION_CONTROL):
        raise unusable_line(place, f"names a {kind.partition('+')[0]} repository", _INTO_MODEL, name)
    if kind.startswith("file:"):
        raise unusable_line(
            place,
            "names a file of the machine where the model was trained",
            f"write {name or 'NAME'}==VERSION instead, or {_INTO_MODEL}",
            name,
        )
    if direct or _URL.match(location):
        raise unusable_line(place, f"names a URL ({host_of(location)})", _INTO_MODEL, name)
    path = location.partition(";")[0].strip()
    inside = path.endswith(WHEEL_SUFFIX) and not path.startswith(("/", "\\", "~")) and ".." not in path
    if not inside and (
        path.startswith((".", "~")) or re.search(r"[/\\]", path) or kind.endswith((*_ARCHIVES, WHEEL_SUFFIX))
    ):
        raise unusable_line(place, "names a path outside the model", _INTO_MODEL, name)
