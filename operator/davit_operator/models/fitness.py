"""Whether an image has what a model needs: the comparison, in the words of conditions."""

from collections.abc import Iterable
from dataclasses import replace

from davit_environment.compare import compare
from davit_environment.conda import CONDA
from davit_environment.errors import FILE_UNREADABLE, Refusal, UnusableError
from davit_environment.manifest import RuntimeManifest
from davit_environment.messages import judge
from davit_environment.need import ModelNeeds
from davit_environment.python_env import PYTHON_ENV
from davit_environment.replacing import replace_lines, replace_python
from davit_resource.v1alpha1 import EnvironmentSpec

from davit_operator.domain.environment import EnvironmentCheck
from davit_operator.domain.errors import InvalidSpec, ModelRejected

MOST_LINES = 50
LINE_CHARACTERS = 200


def judge_fitness(
    label: str, image: str, needs: ModelNeeds, spec: EnvironmentSpec, runtime: RuntimeManifest
) -> EnvironmentCheck:
    """Compare a model with an image.

    Args:
        label: What to call the model.
        image: What to call the image.
        needs: What the model's files say.
        spec: The lines that count instead of the model's.
        runtime: What the image contains.
    """
    try:
        needs = _replaced(_without_spare_files(needs), spec)
    except InvalidSpec as problem:
        return EnvironmentCheck("False", problem.reason, problem.message, problem=problem)
    comparison = compare(needs, runtime)
    finding = judge(label, image, comparison, runtime)
    named = [f"{refusal}: refuse" for refusal in comparison.refusals]
    return EnvironmentCheck(
        status="True" if finding.fits else "False",
        reason=finding.reason,
        message=finding.message,
        image=image,
        differences=_bounded([*named, *map(str, comparison.differences)]),
        notes=_bounded(needs.notes),
        problem=None if finding.fits else ModelRejected(finding.reason, finding.message),
    )


def check_lines(spec: EnvironmentSpec) -> None:
    """Parse what the spec says, whether or not it is used.

    Raises:
        InvalidSpec: A line, or the version of Python, cannot be used.
    """
    _replaced(ModelNeeds(), spec)


def _replaced(needs: ModelNeeds, spec: EnvironmentSpec) -> ModelNeeds:
    try:
        needs = replace_lines(needs, spec.requirements, "spec.environment.requirements")
        return replace_python(needs, spec.python, "spec.environment.python") if spec.python else needs
    except UnusableError as error:
        refusal = error.refusal
        raise InvalidSpec("InvalidSpec", f"{refusal.place} {refusal.cause}", refusal.cure) from None


def _without_spare_files(needs: ModelNeeds) -> ModelNeeds:
    """Take broken files for notes where others say the same: Python and a list of requirements."""
    if not (needs.python and needs.requirements):
        return needs
    spare = [refusal for refusal in needs.refusals if _is_spare(refusal)]
    return replace(
        needs,
        refusals=tuple(refusal for refusal in needs.refusals if refusal not in spare),
        notes=(*needs.notes, *(f"{one.place} {one.cause} and is not used" for one in spare)),
    )


def _is_spare(refusal: Refusal) -> bool:
    return refusal.reason == FILE_UNREADABLE and refusal.place.file in {CONDA, PYTHON_ENV}


def _bounded(lines: Iterable[str]) -> tuple[str, ...]:
    """Shorten what a status shows: a model's author decides how much there is."""
    every = [line if len(line) <= LINE_CHARACTERS else f"{line[: LINE_CHARACTERS - 1]}…" for line in lines]
    more = len(every) - MOST_LINES
    return tuple(every) if more <= 0 else (*every[: MOST_LINES - 1], f"and {more + 1} more")
