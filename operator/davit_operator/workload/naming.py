"""Names and labels of managed objects. Names are unique, and readable where Kubernetes allows it."""

import hashlib
import json
import re
from typing import Any

from davit_resource import constants
from davit_resource.objects import Ref

_MAX_LENGTH = 63
_HASH_LENGTH = 8


def object_name(deployment: str, track: str) -> str:
    """Return the name of a track's objects: a valid Service name of at most 63 characters.

    The stable track has the ModelDeployment's own name where that is a valid Service name. Every other
    name ends in a hash of ModelDeployment and track, so that track `b` of `a` differs from `a-b`.
    """
    if track == constants.STABLE and re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", deployment):
        return deployment
    words = deployment if track == constants.STABLE else f"{deployment}-{track}"
    readable = re.sub(r"[^a-z0-9]", "-", words)
    readable = readable if readable[0].isalpha() else f"md-{readable}"
    return f"{readable[: _MAX_LENGTH - 1 - _HASH_LENGTH].rstrip('-')}-{short_hash([deployment, track])}"


def short_hash(value: Any, length: int = _HASH_LENGTH) -> str:
    """Return the first hexadecimal digits of the SHA-256 of a JSON value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def selector_labels(deployment: str, track: str) -> dict[str, str]:
    """Return the labels that select a track's pods; they never change and contain no user label."""
    return {
        constants.NAME_LABEL: constants.POD_NAME,
        constants.DEPLOYMENT_LABEL: object_name(deployment, constants.STABLE),
        constants.TRACK_LABEL: track,
    }


def all_tracks_labels(deployment: str) -> dict[str, str]:
    """Return the labels that select the objects and the pods of all tracks."""
    return {constants.DEPLOYMENT_LABEL: object_name(deployment, constants.STABLE)}


def object_labels(deployment: str, track: str) -> dict[str, str]:
    """Return the labels of every object of a track."""
    return {
        **selector_labels(deployment, track),
        constants.INSTANCE_LABEL: object_name(deployment, constants.STABLE),
        constants.MANAGED_BY_LABEL: constants.MANAGED_BY,
    }


def owner_reference(ref: Ref, uid: str) -> dict[str, Any]:
    """Return an owner reference, by which Kubernetes deletes an object together with its owner.

    It does not block the owner's deletion, so it needs no permission on the owner's finalizers.
    """
    return {
        "apiVersion": constants.API_VERSION,
        "kind": ref.kind,
        "name": ref.name,
        "uid": uid,
        "controller": True,
    }


def selector_text(labels: dict[str, str]) -> str:
    """Return labels as the text of a label selector."""
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()))


def endpoint(ref: Ref, port: int) -> str:
    """Return the URL of the stable track inside the cluster."""
    host = f"http://{object_name(ref.name, constants.STABLE)}.{ref.namespace}.svc"
    return host if port == constants.DEFAULT_SERVICE_PORT else f"{host}:{port}"
