"""How a reconciliation or the resolution of a model URI ends: the values of the metrics' label `outcome`."""

from davit_operator.domain.errors import DavitError

READY = "ready"
RESOLVED = "resolved"
ERROR = "error"

_PROBLEMS = {
    "invalid_spec": "only an edit of the spec helps",
    "model_rejected": "the model cannot be served as it is",
    "denied": "credentials or permissions are missing",
    "unavailable": "the registry, the store or the API server gives no usable answer",
    "waiting": "in progress",
}
_BUG = {ERROR: "a bug in the operator"}

RECONCILE = {READY: "the resource is ready", **_PROBLEMS, **_BUG}
"""How a reconciliation can end, with the meaning of each word."""
RESOLVE = {RESOLVED: "the registry named a version", **_PROBLEMS, **_BUG}
"""How a resolution can end, with the meaning of each word."""


def of_problem(problem: DavitError) -> str:
    """Return the outcome of what a problem ended: the name of its class, as in `model_rejected`."""
    return problem.failure.name.lower()
