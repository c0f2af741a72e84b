"""Run the operator: watches, workers, resync and probes; when one ends, all end."""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import kopf

from davit_operator.app import App
from davit_operator.handlers.probes import Probes, serve_probes
from davit_operator.handlers.resync import run_resync
from davit_operator.handlers.watches import build_registry, build_settings
from davit_operator.handlers.webhook import run_hints, run_subscription, serve_receiver


async def operate(app: App) -> None:
    """Run all tasks until a signal arrives or one of them ends; Kubernetes then restarts the container."""
    probes = Probes(
        unhealthy_reason=lambda: app.core.liveness.unhealthy_reason(app.clock.now()),
        is_ready=lambda: app.core.liveness.is_ready,
        metrics=app.metrics.render,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(app.aclose)
        await stack.enter_async_context(serve_probes(probes, app.settings.http_port))
        parts = [
            app.core.workers.run(),
            run_resync(app.core.rounds, app.settings.resolve_interval),
            _watch(app),
        ]
        if app.link:
            receiver = serve_receiver(app.link.receiver, app.settings.webhook_port)
            await stack.enter_async_context(receiver)
            stack.push_async_callback(app.link.subscriber.withdraw)
            parts += [run_hints(app.link.hints, app.core.rounds), run_subscription(app.link.subscriber)]
        await run_together(*parts)


async def _watch(app: App) -> None:
    namespaces = app.settings.watch_namespaces
    kinds = [one.kind for one in app.core.controllers]
    await kopf.operator(
        registry=build_registry(kinds, app.core.queue, app.core.liveness),
        settings=build_settings(kinds, namespaces),
        clusterwide=not namespaces,
        namespaces=namespaces,
    )


async def run_together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until the first one ends, cancel the others, and raise its exception if it failed."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
