"""MLflow's own scoring server in the test's event loop, without a socket: the reference for Davit's answers."""

import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx


@asynccontextmanager
async def mlflow_serving(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of what `mlflow models serve` runs for the model in a folder."""
    with warnings.catch_warnings():
        # MLflow's own type hints make it warn on import, and some flavors when they load a model.
        warnings.simplefilter("ignore")
        from mlflow.pyfunc import load_model, scoring_server

        app = scoring_server.init(load_model(str(folder), suppress_warnings=True))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://mlflow") as client:
        yield client
