"""What a row of the table of flavors says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from davit_server.flavors.independence import nothing_known
from davit_server.flavors.onnx import Graph, own_graph
from davit_server.flavors.trust import unknown_code
from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.pyfunc import PyfuncModel

NATIVE = frozenset({"auto", "onnx"})
"""The plans that allow calls past the flavor's own interface; `onnx`, where no graph is close enough."""
ANY_PLAN = NATIVE | {"pyfunc"}


@dataclass(frozen=True, slots=True)
class Way:
    """A faster way of calling a model, taken only where its answers are identical to those of pyfunc.

    Attributes:
        name: What logs and metadata call it.
        make: Builds it for a model; None where it does not fit.
        plans: The values of `DAVIT_PLAN` that allow it.
    """

    name: str
    make: Callable[[PyfuncModel], BatchPredictor | None]
    plans: frozenset[str] = NATIVE


@dataclass(frozen=True, slots=True)
class Flavor:
    """What is known of the models of one flavor. The defaults assume nothing in the model's favor.

    Attributes:
        loader: The `loader_module` of the python_function flavor, by which a model is recognised.
        ways: Faster ways of calling it, the fastest first; tried only for models that only compute.
        only_computes: Whether predicting takes time but neither sleeps nor waits, so that it may run in the
            event loop.
        concurrency: How many calls may run at the same time unless a setting says otherwise.
        independence: Why each row is known to be treated by itself; empty where that is not known.
        graphs: Where an ONNX graph can be had, the most precise first, for `DAVIT_PLAN=onnx`.
    """

    loader: str
    ways: tuple[Way, ...] = ()
    only_computes: Callable[[PyfuncModel], bool] = unknown_code
    concurrency: int = 1
    independence: Callable[[PyfuncModel], str] = nothing_known
    graphs: Callable[[PyfuncModel], Iterator[Graph]] = own_graph
