"""Running the operator: watches, workers, resync and probes, all or none."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import kopf

from davit_operator.app import App
from davit_operator.handlers.probes import Probes, start_probes
from davit_operator.handlers.resync import run_resync
from davit_operator.handlers.watches import build_registry, build_settings


async def operate(app: App) -> None:
    """Runs until a signal arrives or any part ends; then everything ends and is begun anew by Kubernetes."""
    probes = Probes(
        ailment=lambda: app.core.vitals.ailment(app.clock.now()),
        is_ready=lambda: app.core.vitals.is_ready,
        metrics=app.metrics.render,
    )
    server = start_probes(probes, app.settings.http_port)
    try:
        await run_together(
            app.core.workers.run(),
            run_resync(app.core.resync, app.settings.resolve_interval, app.wake),
            _watch(app),
        )
    finally:
        server.shutdown()
        server.server_close()
        await app.aclose()


async def _watch(app: App) -> None:
    namespaces = app.settings.watch_namespaces
    await kopf.operator(
        registry=build_registry(app.core.queue, app.core.vitals),
        settings=build_settings(namespaces),
        clusterwide=not namespaces,
        namespaces=namespaces,
    )


async def run_together(*parts: Coroutine[Any, Any, None]) -> None:
    """Ends all parts when one ends, and raises what it raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
