"""MLflow's own scoring server in the test's event loop, to hold ours against."""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx


@asynccontextmanager
async def mlflow_serving(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of what `mlflow models serve` runs for a model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow.pyfunc import load_model
        from mlflow.pyfunc.scoring_server import init

        app = init(load_model(str(folder)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://mlflow") as client:
        yield client
