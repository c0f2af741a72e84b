"""The server in the test's own event loop, without a socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from davit_server.process.app import ModelServer, create_app
from davit_server.settings import Settings
from support.models.saved import model_path


def server_settings(model: str | Path, **options: Any) -> Settings:
    """Settings for a model of `support.models.saved`, or a folder; nothing from the environment matters."""
    path = model if isinstance(model, Path) else model_path(model)
    defaults: dict[str, Any] = {
        "model_path": path,
        "model_name": "m",
        "model_version": "7",
        "termination_log": path / "none",
    }
    return Settings(**(defaults | options))


@asynccontextmanager
async def running(app: ModelServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app whose model has settled: ready or rejected."""
    app.lifecycle.start()
    await app.lifecycle.settled()
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # an event is a dict to one, a mapping to the other
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            yield client
    finally:
        await app.lifecycle.stop()


@asynccontextmanager
async def serving(model: str | Path, **options: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server for one model."""
    async with running(create_app(server_settings(model, **options))) as client:
        yield client
