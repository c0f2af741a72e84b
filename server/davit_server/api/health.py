"""Probes and metrics."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from davit_server.inference.state import Phase, ServerState
from davit_server.telemetry.metrics import CONTENT_TYPE, Metrics
from davit_server.telemetry.table import READY

_WHY = {
    Phase.LOADING: "the model is being loaded",
    Phase.DRAINING: "the server is shutting down",
    Phase.FAILED: "the model was rejected",
    Phase.READY: "",
}


def health_routes(state: ServerState, metrics: Metrics) -> APIRouter:
    """Return MLflow's and the Open Inference Protocol's probes, and the Prometheus endpoint."""
    router = APIRouter(tags=["health"])

    @router.get("/ping", summary="200 when the model answers")
    @router.get("/health", summary="200 when the model answers")
    async def ping() -> Response:
        return Response("\n", 200 if state.ready else 503, media_type="application/json")

    @router.get("/v2/health/live", summary="200 while the process works")
    async def live() -> JSONResponse:
        return JSONResponse({"live": state.live}, 200 if state.live else 503)

    @router.get("/v2/health/ready", summary="200 when the server is ready for requests")
    async def ready() -> JSONResponse:
        content = {"ready": state.ready} if state.ready else {"ready": False, "reason": _WHY[state.phase]}
        return JSONResponse(content, 200 if state.ready else 503)

    @router.get("/metrics", summary="Prometheus metrics")
    async def scrape() -> Response:
        metrics.values[READY] = float(state.ready)
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    return router
