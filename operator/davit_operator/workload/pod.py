"""The pod template: `fetch` downloads the model, `serve` answers requests and holds no credentials."""

from davit_resource import constants
from davit_resource.objects import Object

from davit_operator.domain.kinds import owner_annotation
from davit_operator.workload import naming, server_env
from davit_operator.workload.blueprint import Blueprint

USER_ID = 65532

_MODEL_VOLUME = "model"
_TMP_VOLUME = "tmp"
_FETCH_RESOURCES = {
    "requests": {"cpu": "50m", "memory": "64Mi"},
    "limits": {"memory": "512Mi"},
}
_CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
_POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": USER_ID,
    "runAsGroup": USER_ID,
    "fsGroup": USER_ID,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def build_pod_template(blueprint: Blueprint) -> Object:
    """Build the template of a track's pods; a label with the hash of the rest identifies new pods."""
    template = {"metadata": _build_metadata(blueprint), "spec": _build_pod_spec(blueprint)}
    template["metadata"]["labels"][constants.REVISION_LABEL] = naming.short_hash(template, length=10)
    return template


def _build_metadata(blueprint: Blueprint) -> Object:
    wanted = blueprint.spec.pod_metadata
    return {
        "labels": {
            **(wanted.labels or {}),
            **naming.object_labels(blueprint.ref.name, blueprint.goal.name),
            constants.PIN_LABEL: blueprint.goal.pin.fingerprint,
        },
        "annotations": {
            **(wanted.annotations or {}),
            owner_annotation(blueprint.ref.kind): blueprint.ref.name,
            constants.MODEL_ANNOTATION: blueprint.goal.pin.label,
            constants.DIGEST_ANNOTATION: blueprint.goal.pin.digest,
        },
    }


def _build_pod_spec(blueprint: Blueprint) -> Object:
    return {
        "initContainers": [_build_fetch(blueprint)],
        "containers": [_build_serve(blueprint)],
        "volumes": [{"name": name, "emptyDir": {}} for name in (_MODEL_VOLUME, _TMP_VOLUME)],
        "securityContext": _POD_SECURITY,
        "automountServiceAccountToken": False,
        # A Service named DAVIT or MLFLOW would otherwise set variables that the server reads as its own.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _grace_seconds(blueprint),
        **_build_scheduling(blueprint),
    }


def _grace_seconds(blueprint: Blueprint) -> int:
    """Return the seconds for the drain, the longest request in flight, and the exit."""
    server = blueprint.spec.server
    return server_env.drain_seconds(server) + server_env.request_timeout_seconds(server) + 5


def _build_fetch(blueprint: Blueprint) -> Object:
    return {
        **_build_container(blueprint, "fetch"),
        "env": server_env.fetch_env(blueprint),
        "resources": _FETCH_RESOURCES,
        "volumeMounts": [{"name": _MODEL_VOLUME, "mountPath": server_env.MODEL_PATH}],
    }


def _build_serve(blueprint: Blueprint) -> Object:
    return {
        **_build_container(blueprint, "serve"),
        "env": server_env.serve_env(blueprint),
        "ports": [{"name": "http", "containerPort": server_env.PORT, "protocol": "TCP"}],
        "resources": _build_resources(blueprint),
        "volumeMounts": [
            {"name": _MODEL_VOLUME, "mountPath": server_env.MODEL_PATH, "readOnly": True},
            {"name": _TMP_VOLUME, "mountPath": "/tmp"},  # noqa: S108  a volume of the pod's own
        ],
        # Loading may take ten minutes; from then on two seconds decide whether requests arrive.
        "startupProbe": _build_probe("/v2/health/ready", periodSeconds=1, failureThreshold=600),
        "readinessProbe": _build_probe("/v2/health/ready", periodSeconds=2, failureThreshold=2),
        "livenessProbe": _build_probe("/v2/health/live", periodSeconds=10, failureThreshold=6),
    }


def _build_container(blueprint: Blueprint, verb: str) -> Object:
    return {
        "name": verb,
        "image": blueprint.spec.image or blueprint.image.name,
        "imagePullPolicy": blueprint.image.pull_policy,
        "command": ["davit", verb],
        "securityContext": _CONTAINER_SECURITY,
        "terminationMessagePolicy": "File",
    }


def _build_resources(blueprint: Blueprint) -> Object:
    wanted = blueprint.spec.resources
    if wanted is None:
        return {"requests": dict(constants.DEFAULT_REQUESTS)}
    given = {"requests": wanted.requests, "limits": wanted.limits}
    return {
        name: {resource: str(quantity) for resource, quantity in quantities.items()}
        for name, quantities in given.items()
        if quantities
    }


def _build_probe(path: str, **timing: int) -> Object:
    return {"httpGet": {"path": path, "port": "http"}, "timeoutSeconds": 5, **timing}


def _build_scheduling(blueprint: Blueprint) -> Object:
    spec = blueprint.spec
    given = {
        "imagePullSecrets": [{"name": secret.name} for secret in spec.image_pull_secrets],
        "nodeSelector": spec.node_selector,
        "tolerations": spec.tolerations,
        "affinity": spec.affinity,
        "topologySpreadConstraints": _build_spread(blueprint),
        "priorityClassName": spec.priority_class_name,
    }
    return {name: value for name, value in given.items() if value}


def _build_spread(blueprint: Blueprint) -> list[Object]:
    selector = {
        "labelSelector": {"matchLabels": naming.selector_labels(blueprint.ref.name, blueprint.goal.name)}
    }
    wanted = blueprint.spec.topology_spread_constraints
    if wanted is not None:
        return [{**selector, **constraint} for constraint in wanted]
    default = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        # Old pods, which a rollout is about to delete, do not count.
        "matchLabelKeys": ["pod-template-hash"],
    }
    return [{**default, **selector}]
