"""The servers that are measured, each as its documentation starts it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.environments import DAVIT, Environment
from bench.places import PEERS
from bench.protocols import INVOCATIONS, V2, Protocol

BASE = "fastapi"
"""The server that the others' CPU time is compared with."""


@dataclass(frozen=True, slots=True)
class Launch:
    """What a server is started with.

    Attributes:
        environment: Where its programs are.
        model: Folder of the model.
        port: The port to listen on at 127.0.0.1; `port + 1` and `port + 2` are free too.
        scratch: A folder of its own, empty.
    """

    environment: Environment
    model: Path
    port: int
    scratch: Path


@dataclass(frozen=True, slots=True)
class Server:
    """One way to serve a model.

    Attributes:
        name: Its name in options and results.
        title: What it is, for a reader.
        environment: The environment it needs.
        command: Builds the command that starts it.
        protocol: How it is called.
        models: The models it is measured with; empty: all.
        plan: For Davit: the plan that the server must report, else the figures would be mislabelled.
        variables: Variables of its process.
        tolerance: Largest relative difference of a number from pyfunc's.
    """

    name: str
    title: str
    environment: str
    command: Callable[[Launch], list[str]]
    protocol: Protocol = INVOCATIONS
    models: tuple[str, ...] = ()
    plan: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    tolerance: float = 1e-6


def davit_declared(models: tuple[str, ...]) -> Server:
    """Return Davit with custom model code whose rows are declared independent."""
    server = davit("pyfunc", "pyfunc", models)
    return replace(
        server,
        name="davit-declared",
        title="**Davit**, pyfunc plan, rows declared independent",
        variables=server.variables | {"DAVIT_BATCHING": "enabled"},
    )


def davit(plan: str, requested: str, models: tuple[str, ...] = (), workers: int = 1) -> Server:
    """Return Davit with its default settings: metrics, logging, limits and deadlines are on."""

    def command(launch: Launch) -> list[str]:
        return [launch.environment.program("davit"), "serve", str(launch.model), "--port", str(launch.port),
                "--workers", str(workers)]  # fmt: skip

    # There is no load balancer to wait for: it may end at once.
    variables = {"DAVIT_DRAIN_SECONDS": "0", "DAVIT_MODEL_NAME": "model", "DAVIT_PLAN": requested}
    title = f"**Davit**, {plan} plan"
    return Server(f"davit-{plan}", title, DAVIT, command, models=models, plan=plan, variables=variables)


def plain_fastapi(launch: Launch) -> list[str]:
    """Return a page of code with FastAPI and pyfunc, without a log line per request."""
    return [launch.environment.program("python"), str(PEERS / "fastapi_app.py"), str(launch.model),
            str(launch.port)]  # fmt: skip


def mlflow_serve(launch: Launch) -> list[str]:
    """Return MLflow's scoring server, in the environment it is started from, so that none is built."""
    return [launch.environment.program("mlflow"), "models", "serve", "-m", str(launch.model), "-h",
            "127.0.0.1", "-p", str(launch.port), "-w", "1", "--env-manager", "local"]  # fmt: skip


def mlserver(launch: Launch) -> list[str]:
    """Return MLServer with its MLflow runtime in one process: with more it is slower on one core."""
    return _mlserver(launch, {})


def mlserver_batching(launch: Launch) -> list[str]:
    """Return MLServer with its adaptive batching."""
    return _mlserver(launch, {"max_batch_size": 32, "max_batch_time": 0.002})


def _mlserver(launch: Launch, batching: dict[str, float]) -> list[str]:
    """Write MLServer's settings into its folder, then return its command."""
    model = {
        "name": "model",
        "implementation": "mlserver_mlflow.MLflowRuntime",
        "parameters": {"uri": str(launch.model)},
    }
    settings = {
        "host": "127.0.0.1",
        "http_port": launch.port,
        "grpc_port": launch.port + 1,
        "metrics_port": launch.port + 2,
        "parallel_workers": 0,
        "debug": False,
    }
    (launch.scratch / "model-settings.json").write_text(json.dumps(model | batching))
    (launch.scratch / "settings.json").write_text(json.dumps(settings))
    return [launch.environment.program("mlserver"), "start", str(launch.scratch)]


SERVERS = (
    davit("native", "auto", ("iris", "forest", "lightgbm")),
    # It may compute in float32; the tolerance is the one that Davit's server applies by default.
    replace(davit("onnx", "onnx", ("iris", "forest", "lightgbm")), tolerance=1e-5),
    davit("pyfunc", "pyfunc"),
    davit_declared(("wrapper", "waiting")),
    # Only v2 requests are batched; both are called the same way.
    Server("mlserver-batch", "MLServer, batching (32 rows, 2 ms)", "mlserver", mlserver_batching, V2),
    Server(BASE, "plain FastAPI, `async def` + pyfunc", "fastapi", plain_fastapi),
    Server("mlserver", "MLServer", "mlserver", mlserver, V2),
    Server("mlflow", "`mlflow models serve`", "mlflow", mlflow_serve),
)
