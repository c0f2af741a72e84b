"""Whether a ModelDeployment needs a reconciliation, judged by its status and the resolved reference."""

from davit_registry.resolved import ResolvedModel
from davit_resource.conditions import MODEL_RESOLVED, READY
from davit_resource.v1alpha1 import Resource

from davit_operator.domain.errors import DavitError, Unavailable
from davit_operator.models.pins import pin_from_status


def is_settled(resource: Resource, outcome: ResolvedModel | DavitError | None) -> bool:
    """Return whether a reconciliation would change nothing.

    Args:
        resource: The ModelDeployment as it was listed.
        outcome: What the reference resolves to now, the error of resolving it, or None when it is suspended.
    """
    status = resource.status
    ready, resolved = status.condition(READY), status.condition(MODEL_RESOLVED)
    if status.observed_generation != resource.generation or ready is None or ready.status != "True":
        return False
    if isinstance(outcome, Unavailable):
        return resolved is not None and resolved.status == "Unknown" and resolved.reason == outcome.reason
    if isinstance(outcome, DavitError) or resolved is None or resolved.status != "True":
        return False
    return outcome is None or _is_target(resource, outcome)


def _is_target(resource: Resource, source: ResolvedModel) -> bool:
    target = resource.status.model.target
    return target is not None and pin_from_status(target).source == source
