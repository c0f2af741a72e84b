"""How a reconciliation or the resolution of a model URI ends, in the words of the metrics' label `outcome`."""

from davit_registry.errors import Failure

from davit_operator.domain.errors import DavitError

READY = "ready"
"""The resource is ready, as far as the reconciliation saw."""
RESOLVED = "resolved"
"""The registry resolved the model URI."""
ERROR = "error"
"""A bug of the operator."""

_PROBLEMS = {failure: failure.name.lower() for failure in Failure}

RECONCILE = (READY, *_PROBLEMS.values(), ERROR)
"""The outcomes of a reconciliation."""
RESOLVE = (RESOLVED, *_PROBLEMS.values(), ERROR)
"""The outcomes of a resolution."""


def of_problem(problem: DavitError) -> str:
    """Return the outcome of what a problem ended: the name of its class, as in `model_rejected`."""
    return _PROBLEMS[problem.failure]
