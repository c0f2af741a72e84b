"""The environment of the two containers: the other half of the server's settings.

A contract test holds every name here against the fields that the server reads.
"""

from davit_resource import constants
from davit_resource.objects import Object
from davit_resource.v1alpha1 import ServerSpec

from davit_operator.workload.blueprint import Blueprint

MODEL_PATH = "/model"
PORT = 8080

_REGISTRY_KEYS = ("username", "password", "token")
_STORE_KEYS_REQUIRED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_STORE_KEYS_OPTIONAL = ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL")
# Stores other than AWS's own refuse the checksums that newer clients send and ask for unbidden.
_STORE_SETTINGS = {
    "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}


def fetch_env(blueprint: Blueprint) -> list[Object]:
    """The environment of `fetch`, the only container that holds credentials."""
    pin = blueprint.goal.pin
    env = _variables(
        {
            "DAVIT_FETCH_LOCATION": blueprint.route.fetch,
            "DAVIT_FETCH_DIGEST": pin.digest,
            "DAVIT_FETCH_DESTINATION": MODEL_PATH,
            "DAVIT_CA_CERTIFICATES": blueprint.ca_certificates,
            "DAVIT_LOG_FORMAT": "json",
        }
    )
    return env + (_proxy_env(blueprint) if blueprint.route.pods_use_proxy else _store_env(blueprint))


def serve_env(blueprint: Blueprint) -> list[Object]:
    """The environment of `serve`: which model, and how to behave; then what the user adds."""
    source = blueprint.goal.pin.source
    own = _variables(
        {
            "DAVIT_MODEL_PATH": MODEL_PATH,
            "DAVIT_MODEL_URI": source.immutable_uri,
            "DAVIT_MODEL_NAME": source.name,
            "DAVIT_MODEL_VERSION": source.version,
            "DAVIT_MODEL_RUN_ID": source.run_id,
            "DAVIT_MODEL_DIGEST": blueprint.goal.pin.digest,
            "DAVIT_DEPLOYMENT": f"{blueprint.ref.namespace}/{blueprint.ref.name}",
            "DAVIT_TRACK": blueprint.goal.name,
            "DAVIT_HOST": "0.0.0.0",  # noqa: S104  a pod answers on its own address
            "DAVIT_PORT": str(PORT),
            "DAVIT_LOG_FORMAT": "json",
            **_behaviour(blueprint.spec.server),
        }
    )
    return own + [entry.model_dump(by_alias=True, exclude_none=True) for entry in blueprint.spec.env]


def request_timeout_seconds(server: ServerSpec) -> int:
    """How long a prediction may take."""
    return server.request_timeout_seconds or constants.DEFAULT_REQUEST_TIMEOUT_SECONDS


def drain_seconds(server: ServerSpec) -> int:
    """How long a stopping pod still answers."""
    return constants.DEFAULT_DRAIN_SECONDS if server.drain_seconds is None else server.drain_seconds


def _behaviour(server: ServerSpec) -> dict[str, str]:
    optional = {
        "DAVIT_WORKERS": server.workers,
        "DAVIT_MAX_BODY_BYTES": server.max_body_bytes,
        "DAVIT_MAX_QUEUE": server.max_queue,
        "DAVIT_MAX_ROWS": server.max_rows,
        "DAVIT_MAX_JSON_DEPTH": server.max_json_depth,
        "DAVIT_BATCHING": server.batching,
        "DAVIT_CONCURRENCY": server.concurrency,
        "DAVIT_STARTUP_PREDICTIONS": server.startup_predictions,
        "DAVIT_PLAN": server.plan,
        "DAVIT_TOLERANCE": server.tolerance,
        "DAVIT_ACCESS_LOG": None if server.access_log is None else str(server.access_log).lower(),
        "DAVIT_LOG_LEVEL": server.log_level,
    }
    return {
        "DAVIT_REQUEST_TIMEOUT_SECONDS": str(request_timeout_seconds(server)),
        "DAVIT_DRAIN_SECONDS": str(drain_seconds(server)),
        **{name: str(value) for name, value in optional.items() if value is not None},
    }


def _proxy_env(blueprint: Blueprint) -> list[Object]:
    env = _variables({"DAVIT_REGISTRY_URL": blueprint.goal.pin.source.registry})
    registry = blueprint.spec.model.registry
    if registry is None or registry.secret_name is None:
        return env
    return env + [
        _from_secret(f"DAVIT_REGISTRY_{key.upper()}", registry.secret_name, key, optional=True)
        for key in _REGISTRY_KEYS
    ]


def _store_env(blueprint: Blueprint) -> list[Object]:
    secret = blueprint.spec.model.store_secret_name or ""
    required = [_from_secret(key, secret, key) for key in _STORE_KEYS_REQUIRED]
    optional = [_from_secret(key, secret, key, optional=True) for key in _STORE_KEYS_OPTIONAL]
    return [*required, *optional, *_variables(_STORE_SETTINGS)]


def _variables(values: dict[str, str]) -> list[Object]:
    """Variables with values that mean themselves: the kubelet would replace `$(NAME)` in them."""
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in values.items() if value]


def _from_secret(variable: str, secret: str, key: str, *, optional: bool = False) -> Object:
    reference: Object = {"name": secret, "key": key}
    if optional:
        reference["optional"] = True
    return {"name": variable, "valueFrom": {"secretKeyRef": reference}}
