"""Every reason that a condition, a termination message or an error can give, in one table.

The table itself is `reasons.toml`. The operator reads the class of a reason from the message of the container
that gives it; the table is used only for images too old to write the class.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from davit_registry.errors import Failure


@dataclass(frozen=True, slots=True)
class Reason:
    """One row.

    Attributes:
        name: One PascalCase word, stable across releases.
        failure: Its class; None for a reason that describes a state, or a bug of the operator.
        sources: Who gives it: `operator`, `fetch`, `serve`, or `registry`, which operator and fetch share.
        meaning: What happened, in a sentence.
        cure: What to do, in a sentence.
    """

    name: str
    failure: Failure | None
    sources: tuple[str, ...]
    meaning: str
    cure: str


def _read() -> tuple[Reason, ...]:
    table = tomllib.loads(files("davit_registry").joinpath("reasons.toml").read_text(encoding="utf-8"))
    return tuple(
        Reason(
            name=name,
            failure=Failure(row["class"]) if "class" in row else None,
            sources=tuple(row["sources"]),
            meaning=row["meaning"],
            cure=row["cure"],
        )
        for name, row in table.items()
    )


REASONS = _read()
"""All rows, grouped as the reference page shows them."""


def is_known(reason: str) -> bool:
    """Whether a reason is in the table; those of newer images and of forged messages may not be."""
    return any(row.name == reason for row in REASONS)


def is_operators_own(reason: str) -> bool:
    """Return whether only the operator gives a reason, so that no container can mean it."""
    return any(row.name == reason and row.sources == ("operator",) for row in REASONS)


@cache
def _failures() -> dict[str, Failure]:
    return {reason.name: reason.failure for reason in REASONS if reason.failure}


def failure_of(reason: str) -> Failure:
    """Return the class of a reason; `ModelRejected` for one that is not in the table."""
    return _failures().get(reason, Failure.MODEL_REJECTED)
