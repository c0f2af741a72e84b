"""The result of comparing a model with the image that its pods run."""

from dataclasses import dataclass

from davit_resource.conditions import Truth

from davit_operator.domain.errors import DavitError


@dataclass(frozen=True, slots=True)
class EnvironmentCheck:
    """How the comparison ended.

    Attributes:
        status: Of the condition; `Unknown` where nothing was compared.
        reason: Of the condition.
        message: Of the condition.
        image: The image of the pods; empty where nothing was compared.
        key: Stands for everything that was compared; empty where nothing was.
        differences: A line each, the gravest first.
        notes: What the model says and the comparison does not use.
        problem: Why no pod may be started on this result; None where it may.
    """

    status: Truth
    reason: str
    message: str
    image: str = ""
    key: str = ""
    differences: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: DavitError | None = None
