"""A row of the table of flavors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from davit_server.flavors.independence import nothing_known
from davit_server.flavors.onnx import Graph, own_graph
from davit_server.flavors.trust import unknown_code
from davit_server.runtimes.base import BatchPredictor
from davit_server.runtimes.pyfunc import PyfuncModel

NATIVE = frozenset({"auto", "onnx"})
"""The plans that allow calls past the flavor's own interface; `onnx` where no graph is close enough."""
ANY_PLAN = NATIVE | {"pyfunc"}


@dataclass(frozen=True, slots=True)
class FastPath:
    """A faster way to call a model, used only where its answers are identical to those of pyfunc.

    Attributes:
        name: Its name in logs and metadata.
        make: Builds its predictor for a model; None where it does not fit.
        plans: The values of `DAVIT_PLAN` that allow it.
    """

    name: str
    make: Callable[[PyfuncModel], BatchPredictor | None]
    plans: frozenset[str] = NATIVE


@dataclass(frozen=True, slots=True)
class Flavor:
    """What is known about the models of one flavor. The defaults assume nothing in the model's favor.

    Attributes:
        loader: The `loader_module` of the python_function flavor, by which a model is recognised.
        fast_paths: Faster ways to call it, the fastest first; tried only for models that only compute.
        only_computes: Whether predicting never sleeps or waits, so that it may run in the event loop.
        concurrency: How many calls may run at the same time by default.
        independence: Why each row is known to be treated by itself; empty where that is not known.
        graphs: Sources of an ONNX graph, the most precise first, for `DAVIT_PLAN=onnx`.
    """

    loader: str
    fast_paths: tuple[FastPath, ...] = ()
    only_computes: Callable[[PyfuncModel], bool] = unknown_code
    concurrency: int = 1
    independence: Callable[[PyfuncModel], str] = nothing_known
    graphs: Callable[[PyfuncModel], Iterator[Graph]] = own_graph
