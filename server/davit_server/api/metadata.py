"""Describe server, model and signature."""

from importlib import metadata
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from davit_server import __version__
from davit_server.api.identity import Identity
from davit_server.errors import NotReady
from davit_server.inference.state import ServerState
from davit_server.protocols.open_inference import DEFAULT_OUTPUT, require_model
from davit_server.runtimes.base import Field, Signature


def mlflow_version() -> str:
    """Return the installed MLflow's version, without importing it."""
    for name in ("mlflow", "mlflow-skinny"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return ""


def metadata_routes(state: ServerState, identity: Identity) -> APIRouter:
    """Return MLflow's version route and the Open Inference Protocol's metadata routes."""
    router = APIRouter(tags=["metadata"])

    @router.get("/version", summary="The MLflow version that loads the model")
    async def version() -> Response:
        return Response(mlflow_version(), media_type="application/json")

    @router.get("/v2", summary="The server")
    async def server() -> dict[str, Any]:
        return {"name": "davit", "version": __version__, "extensions": ["binary_tensor_data"]}

    @router.get("/v2/models/{name}", summary="The model's inputs and outputs")
    @router.get("/v2/models/{name}/versions/{version}", summary="The model's inputs and outputs")
    async def model(name: str, version: str | None = None) -> dict[str, Any]:
        require_model(identity.model, identity.version, {"name": name, "version": version})
        return describe_model(state, identity)

    @router.get("/v2/models/{name}/ready", summary="200 when the model answers")
    @router.get("/v2/models/{name}/versions/{version}/ready", summary="200 when the model answers")
    async def model_ready(name: str, version: str | None = None) -> JSONResponse:
        require_model(identity.model, identity.version, {"name": name, "version": version})
        content = {"name": identity.model, "ready": state.ready}
        return JSONResponse(content, 200 if state.ready else 503)

    return router


def describe_model(state: ServerState, identity: Identity) -> dict[str, Any]:
    """Return the model's metadata in the Open Inference form, with Davit's own under `parameters`.

    Raises:
        NotReady: The model is not loaded yet.
    """
    service = state.service
    if service is None:
        raise NotReady("The model is still being loaded; try again.", retry_after=2)
    from davit_server.protocols.tensors import MLFLOW_DATATYPES, datatype_of  # noqa: PLC0415  needs numpy

    def tensor(spec: Field, default: str) -> dict[str, Any]:
        if spec.kind == "tensor":
            return {
                "name": spec.name or default,
                "datatype": datatype_of(spec.dtype),
                "shape": list(spec.shape),
            }
        return {
            "name": spec.name or default,
            "datatype": MLFLOW_DATATYPES.get(spec.kind, "BYTES"),
            "shape": [-1],
        }

    signature: Signature = service.model.signature
    return {
        "name": identity.model,
        "versions": [identity.version],
        "platform": service.model.facts.flavor or "mlflow",
        "inputs": [tensor(spec, f"input-{at}") for at, spec in enumerate(signature.inputs)],
        "outputs": [tensor(spec, DEFAULT_OUTPUT) for spec in signature.outputs],
        "parameters": {
            "run_id": identity.run_id,
            "plan": service.plan.name,
            "batching": service.plan.batching,
            "reasons": service.plan.reasons,
            "checked": state.checked,
        },
    }
