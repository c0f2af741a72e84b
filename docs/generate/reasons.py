"""Generate the page of all reasons, from `davit_registry/reasons.toml`."""

from collections.abc import Iterable, Iterator

from davit_registry.errors import Failure
from davit_registry.reasons import REASONS, Reason

from docs.generate.markdown import code, table

_HEAD = """\
<!-- Written by docs/generate from davit_registry/reasons.toml: do not edit, run `make reference`. -->
# Reasons

The `reason` of a condition, of an Event and of a container's termination message is one of these words.
They are stable across releases. The `message` beside it names the object, what is wrong and what to do.

The class decides the conditions and whether the operator retries. A container that fails writes it into its
termination message: `{"class", "stage", "reason", "cause", "cure"}`. For an image that writes no class, the
operator takes that of the reason in this table, and `ModelRejected` for a reason that is not in it.

Source: `operator`; `fetch` and `serve` are the containers of a pod; `registry` is the reader of MLflow and of
stores, which the operator and `fetch` share. A reason whose only source is the operator is not accepted from
a container: it becomes `ContainerFailed`.
"""
_CLASSES = {
    Failure.INVALID_SPEC: "Ready=False, Stalled=True. A change of the spec, or of the rule it breaks, helps.",
    Failure.MODEL_REJECTED: "Ready=False, Stalled=True. Another version, or a change of the spec, helps.",
    Failure.DENIED: "Ready=False. Credentials or permissions help; it is retried slowly.",
    Failure.UNAVAILABLE: "Retried with backoff. While the last version fits the spec, a registry or store "
    "without an answer leaves Ready as the pods are; otherwise Ready=False, Reconciling=True.",
    Failure.WAITING: "Ready=False, Reconciling=True. In progress; time helps.",
    None: "States, and a bug of the operator.",
}


def render() -> str:
    """Render the page."""
    return "\n".join([_HEAD, *(line for failure in _CLASSES for line in _section(failure))])


def _section(failure: Failure | None) -> Iterator[str]:
    yield f"## {failure or 'No failure'}\n"
    yield f"{_CLASSES[failure]}\n"
    yield table(
        ["Reason", "Source", "Meaning", "What to do"],
        _rows(reason for reason in REASONS if reason.failure is failure),
    )


def _rows(reasons: Iterable[Reason]) -> Iterator[list[str]]:
    for reason in sorted(reasons, key=lambda reason: reason.name):
        yield [code(reason.name), ", ".join(reason.sources), reason.meaning, reason.cure]
