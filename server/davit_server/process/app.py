"""Wire the server together, in this one place and without global state."""

import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from davit_server import __version__
from davit_server.api.docs import CONTENT_SECURITY_POLICY, docs_page
from davit_server.api.errors import answer_bug, answer_http_error, answer_request_error
from davit_server.api.health import health_routes
from davit_server.api.identity import Identity
from davit_server.api.metadata import metadata_routes
from davit_server.api.prediction import PredictionRoute, Send
from davit_server.errors import RequestError
from davit_server.inference.loading import Loaded
from davit_server.inference.state import ServerState
from davit_server.process.lifecycle import Lifecycle
from davit_server.process.runners import Runner, run_in_daemon
from davit_server.protocols.bodies import BodyLimits, Receive, Scope
from davit_server.protocols.invocations import Invocations
from davit_server.protocols.open_inference import OpenInference
from davit_server.protocols.openapi import finite, infer_operation, invocations_operation, path_parameters
from davit_server.runtimes.base import Signature
from davit_server.settings import Settings
from davit_server.telemetry.metrics import Metrics, pod_labels

INFER_PATHS = ("/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer")


class ModelServer:
    """The ASGI application: a FastAPI app, with a shortcut for the scoring route before it.

    The shortcut skips FastAPI's middleware and routing, which would cost more than most models. The same
    route is also registered in the app, for the OpenAPI document and for answers to wrong methods.

    Args:
        app: Everything but the shortcut.
        invocations: The route behind `POST /invocations`.
        identity: Headers of every answer.
        lifecycle: Loads the model when the application starts.
        state: The phase of the process.
    """

    def __init__(
        self,
        app: FastAPI,
        invocations: PredictionRoute,
        identity: Identity,
        lifecycle: Lifecycle,
        state: ServerState,
    ) -> None:
        self.app = app
        self.lifecycle = lifecycle
        self.state = state
        self._invocations = invocations
        self._identity = identity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI event stream."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)  # type: ignore[arg-type]
            return
        scope = _without_trailing_slash(scope)
        if scope["path"] == "/invocations" and scope["method"] == "POST":
            await self._invocations(scope, receive, send)
        elif scope["path"].endswith("/infer"):
            await self.app(scope, receive, send)  # type: ignore[arg-type]
        else:
            # HEAD is answered wherever GET is, which FastAPI leaves to each route.
            as_get = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
            await self.app(as_get, receive, self._with_headers(scope, send))  # type: ignore[arg-type]

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        """Add model, version and request id to an answer of FastAPI, and leave out the body for HEAD."""

        async def with_headers(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                own = self._identity.headers(self._identity.request_id(scope))
                message["headers"] = [*message.get("headers", []), *own]
            elif scope["method"] == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        return with_headers


def _without_trailing_slash(scope: Scope) -> Scope:
    """Serve `/path/` as `/path`: a redirect would name http:// behind a proxy that ends TLS.

    The page `/docs/` keeps its slash: its links are relative to its address.
    """
    path = scope["path"]
    if len(path) < 2 or not path.endswith("/") or path == "/docs/":
        return scope
    return {**scope, "path": path[:-1]}


def create_app(
    settings: Settings,
    *,
    metrics: Metrics | None = None,
    worker: int = 0,
    runner: Runner = run_in_daemon,
    loaded: Loaded | None = None,
) -> ModelServer:
    """Build the server; it starts to load the model when its lifespan begins.

    Args:
        settings: The server's settings.
        metrics: Shared by all workers of a process group; created here for a single process.
        worker: The index of this worker, from 0.
        runner: Runs the loading of the model.
        loaded: A model loaded before forking.
    """
    identity = Identity(model_name(settings), settings.model_version or "local", settings.model_run_id)
    state = ServerState()
    metrics = metrics or Metrics()
    metrics.labels = pod_labels(
        deployment=settings.deployment,
        track=settings.track,
        model=identity.model,
        version=identity.version,
    )
    counted = metrics.worker(worker)
    lifecycle = Lifecycle(settings, state, identity, metrics, counted, runner, loaded)
    limits = BodyLimits(settings.max_body_bytes, settings.request_timeout_seconds, settings.max_json_depth)

    reading = ThreadPoolExecutor(1, "read")  # the thread starts with the first large body, after any fork

    def predicting(protocol: Invocations | OpenInference) -> PredictionRoute:
        return PredictionRoute(
            protocol, state, identity, limits, counted, reading, access_log=settings.access_log
        )

    invocations = predicting(Invocations(limits))
    infer = predicting(OpenInference(identity.model, identity.version, limits))
    app = _fastapi(lifecycle)
    app.include_router(health_routes(state, metrics))
    app.include_router(metadata_routes(state, identity))
    app.router.routes.append(Route("/invocations", invocations, methods=["POST"]))
    for path in INFER_PATHS:
        app.router.routes.append(Route(path, infer, methods=["POST"]))
    app.include_router(_docs_routes(partial(_document, app, state), identity))
    return ModelServer(app, invocations, identity, lifecycle, state)


def _docs_routes(document: Callable[[], dict[str, Any]], identity: Identity) -> APIRouter:
    """Return the routes of the OpenAPI document and of the page made of it."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        # Escaped to ASCII: an example may hold lone surrogates, which UTF-8 cannot encode.
        return Response(json.dumps(document(), allow_nan=False), media_type="application/json")

    @router.get("/docs")
    async def docs() -> Response:
        page = docs_page(document(), f"{identity.model} {identity.version}")
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return Response(
            page.encode("utf-8", "replace"), headers=headers, media_type="text/html; charset=utf-8"
        )

    return router


def _document(app: FastAPI, state: ServerState) -> dict[str, Any]:
    """Return the OpenAPI document; typed as soon as the model is loaded."""
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    model = state.service.model if state.service else None
    signature, example = (model.signature, model.example()) if model else (Signature(), None)
    document["paths"]["/invocations"] = {"post": invocations_operation(signature, example)}
    for at, path in enumerate(INFER_PATHS):
        operation = infer_operation(f"infer_{at}")
        document["paths"][path] = {"post": operation | {"parameters": path_parameters(path)}}
    strict: dict[str, Any] = finite(document)
    return strict


def model_name(settings: Settings) -> str:
    """Return the configured name, else that of the model's folder."""
    return settings.model_name or settings.model_path.resolve().name or "model"


def _fastapi(lifecycle: Lifecycle) -> FastAPI:
    """Return the app around the routes: lifespan and errors."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        lifecycle.start()
        if lifecycle.forked:
            # A worker accepts requests only when it can answer them; until then others do.
            await lifecycle.settled()
            await lifecycle.before_listening()
        yield
        await lifecycle.stop()

    app = FastAPI(
        title="Davit model server",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
        openapi_url=None,
    )
    app.add_exception_handler(HTTPException, answer_http_error)
    app.add_exception_handler(RequestError, answer_request_error)
    app.add_exception_handler(Exception, answer_bug)
    return app
