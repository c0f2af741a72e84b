"""The environment variables of the two containers, which the server's settings read.

A contract test holds every name here against the fields that the server reads.
"""

from collections.abc import Mapping

from davit_registry import login
from davit_registry.stores.table import store_kind
from davit_resource import constants
from davit_resource.objects import Object
from davit_resource.v1alpha1 import ServerSpec

from davit_operator.workload.blueprint import Blueprint

MODEL_PATH = "/model"
PORT = 8080


def fetch_env(blueprint: Blueprint) -> list[Object]:
    """Build the environment of `fetch`, the only container that holds credentials."""
    pin, model = blueprint.goal.pin, blueprint.spec.model
    kind = store_kind(blueprint.route.fetch)
    env = _variables(
        {
            "DAVIT_FETCH_LOCATION": blueprint.route.fetch,
            "DAVIT_FETCH_DIGEST": pin.digest,
            "DAVIT_FETCH_DESTINATION": MODEL_PATH,
            "DAVIT_CA_CERTIFICATES": blueprint.ca_certificates,
            "DAVIT_LOG_FORMAT": "json",
            login.variable("url"): pin.source.registry if kind.behind_registry else "",
        }
    )
    registry_secret = model.registry.secret_name if model.registry else None
    secret = registry_secret if kind.behind_registry else model.store_secret_name
    if secret is not None:
        env += [
            _from_secret(variable, secret, key, optional=not kind.is_required(key))
            for key, variable in kind.secret_keys.items()
        ]
    return env + _variables(kind.fixed_variables)


def serve_env(blueprint: Blueprint) -> list[Object]:
    """Build the environment of `serve`: which model, and how to behave; then what the user adds."""
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
    """Return how many seconds a prediction may take."""
    return server.request_timeout_seconds or constants.DEFAULT_REQUEST_TIMEOUT_SECONDS


def drain_seconds(server: ServerSpec) -> int:
    """Return for how many seconds a stopping pod still answers."""
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


def _variables(values: Mapping[str, str]) -> list[Object]:
    """Make variables with literal values: the kubelet would replace `$(NAME)` in them."""
    return [{"name": name, "value": value.replace("$", "$$")} for name, value in values.items() if value]


def _from_secret(variable: str, secret: str, key: str, *, optional: bool) -> Object:
    reference: Object = {"name": secret, "key": key}
    if optional:
        reference["optional"] = True
    return {"name": variable, "valueFrom": {"secretKeyRef": reference}}
