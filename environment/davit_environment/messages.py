"""The sentences of a condition: a reason in one word, and a message that names what, where and the cure."""

from __future__ import annotations

from dataclasses import dataclass

from davit_environment.compare import PYTHON, Comparison, Difference
from davit_environment.manifest import RuntimeManifest
from davit_environment.severity import Severity

FITS_IMAGE = "FitsImage"
ENVIRONMENT_MISMATCH = "EnvironmentMismatch"
LIBRARY_MISSING = "LibraryMissing"
UNCHECKED = "Unchecked"

CHARACTERS = 1000
"""Of a message: a condition may have 32 KiB, and a person reads less."""
_NAMED = 3

DEBIAN_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libsndfile.so.1": "libsndfile1",
    "libxcb.so.1": "libxcb1",
}
"""What provides the libraries that wheels expect from outside."""


@dataclass(frozen=True)
class Finding:
    """What a condition says.

    Attributes:
        reason: One PascalCase word, stable across releases.
        message: One sentence.
        fits: Whether the model may be served from the image; none where that is not known.
    """

    reason: str
    message: str
    fits: bool | None


def judge(
    model: str, image: str, comparison: Comparison, runtime: RuntimeManifest, cure: str = ""
) -> Finding:
    """Report how a comparison ended.

    Args:
        model: What to call the model, as in churn/7.
        image: What to call the image.
        comparison: Its result.
        runtime: The image's manifest.
        cure: What to do about differences; by default what always helps.
    """
    if comparison.refusals:
        return _refused(comparison)
    if comparison.verdict is not Severity.REFUSE:
        return Finding(FITS_IMAGE, _shortened(_fitting(model, image, comparison)), fits=True)
    refused = comparison.of(Severity.REFUSE)
    missing = [difference for difference in refused if difference.name in DEBIAN_PACKAGES]
    if missing and len(missing) == len(refused):
        first = missing[0]
        debian = DEBIAN_PACKAGES[first.name]
        cause = f"{model}: {first.sentence}; serve it with an image that has the Debian package {debian}"
        return Finding(LIBRARY_MISSING, _shortened(cause), fits=False)
    message = f"{_mismatching(model, comparison)}; {cure or _cure(refused, runtime)}"
    return Finding(ENVIRONMENT_MISMATCH, _shortened(message), fits=False)


def unchecked(model: str, image: str) -> Finding:
    """Report that the content of an image is not known."""
    message = f"{image} has no manifest, so {model} is not compared with it before its pods start"
    return Finding(UNCHECKED, _shortened(message), fits=None)


def _refused(comparison: Comparison) -> Finding:
    first = comparison.refusals[0]
    more = len(comparison.refusals) - 1
    rest = f" (and {more} more)" if more else ""
    return Finding(first.reason, _shortened(f"{first}{rest}"), fits=False)


def _fitting(model: str, image: str, comparison: Comparison) -> str:
    warned, notes = comparison.of(Severity.WARN), comparison.of(Severity.NOTE)
    counts = [_counted(len(warned), "warning")] if warned else []
    counts += [_counted(len(notes), "note")] if notes else []
    requirements = _counted(comparison.checked, "requirement")
    if not warned:
        return f"{image} has all {requirements} of {model}" + (f" ({counts[0]})" if counts else "")
    named = ", ".join(difference.sentence for difference in warned[:_NAMED])
    return f"{image} serves {model} with {' and '.join(counts)} among {requirements}: {named}"


def _mismatching(model: str, comparison: Comparison) -> str:
    """Name up to three of the refused differences, the model's side first."""
    refused = comparison.of(Severity.REFUSE)
    shown = sorted(refused, key=lambda difference: difference.name != PYTHON)[:_NAMED]
    wanted = _joined(
        [f"{difference.name} {_brief(difference, difference.wanted)}".strip() for difference in shown]
    )
    found = _joined([_brief(difference, difference.found) or f"no {difference.name}" for difference in shown])
    differ = len(comparison.of(Severity.REFUSE, Severity.WARN))
    return (
        f"{model} was logged with {wanted}; the image has {found} ({differ} of {comparison.checked} differ)"
    )


def _brief(difference: Difference, version: str) -> str:
    """Shorten a version of Python to its minor version, which is the one that was refused."""
    return ".".join(version.split(".")[:2]) if difference.name == PYTHON else version


def _cure(refused: tuple[Difference, ...], runtime: RuntimeManifest) -> str:
    """Suggest another image, which always helps; or to log the model anew, where the image lacks nothing."""
    image = "serve it with an image that has what the model needs"
    if not all(difference.found for difference in refused):
        return image
    python = [f"Python {runtime.minor}" for difference in refused if difference.name == PYTHON]
    versions = ["the image's versions"] if len(refused) > len(python) else []
    return f"log the model with {_joined([*python, *versions])}, or {image}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _joined(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _shortened(message: str) -> str:
    return message if len(message) <= CHARACTERS else f"{message[: CHARACTERS - 1]}…"
