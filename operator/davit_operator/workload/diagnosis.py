"""Why a pod is not ready: from its conditions, its containers' states and their termination messages."""

import json
import re
from collections.abc import Sequence
from typing import Any

from davit_registry.errors import Failure
from davit_registry.reasons import failure_of, is_operators_own
from davit_resource import constants
from davit_resource.objects import Object

from davit_operator.domain.errors import ERRORS, DavitError, InvalidSpec, ModelRejected, Waiting

_PULL_REASONS = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "RegistryUnavailable"}
_CONFIG_REASONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}
_REASON = re.compile("[A-Z][A-Za-z0-9]{0,63}")
_MAX_MESSAGE_LENGTH = 1000


def is_live(pod: Object) -> bool:
    """Return whether a pod is neither being deleted nor finished."""
    is_finished = pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}
    return not is_finished and "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Return whether a pod receives requests."""
    return _condition(pod, "Ready").get("status") == "True"


def revision_of(pod: Object) -> str:
    """Return the hash of the pod template that a pod was created from."""
    return str((pod["metadata"].get("labels") or {}).get(constants.REVISION_LABEL, ""))


def pin_of(pod: Object) -> str:
    """Return the fingerprint of the pin that a pod serves."""
    return str((pod["metadata"].get("labels") or {}).get(constants.PIN_LABEL, ""))


def diagnose_pods(pods: Sequence[Object]) -> DavitError | None:
    """Return the most severe problem of these pods; of equal ones the first by pod name, which is stable."""
    found = [problem for pod in sorted(pods, key=_name) if (problem := diagnose_pod(pod))]
    return min(found, key=_severity, default=None)


def diagnose_pod(pod: Object) -> DavitError | None:
    """Return why a pod is not ready; None while no problem is known."""
    if is_ready(pod):
        return None
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return Waiting(
            "Unschedulable",
            f"pod {_name(pod)} cannot be scheduled: {_short(scheduled.get('message', 'no reason given'))}; "
            "add or free nodes, or change spec.resources or the scheduling fields of spec",
        )
    status = pod.get("status", {})
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next((problem for one in containers if (problem := _diagnose_container(pod, one))), None)


def _diagnose_container(pod: Object, container: Object) -> DavitError | None:
    waiting = container.get("state", {}).get("waiting") or {}
    if waiting.get("reason") in _PULL_REASONS | {"InvalidImageName"}:
        return _image_problem(pod, container, waiting["reason"])
    if waiting.get("reason") in _CONFIG_REASONS:
        return _start_problem(pod, container, waiting)
    ended = _last_termination(container)
    if ended is None or container.get("ready"):
        return None
    if ended.get("reason") == "OOMKilled":
        return _out_of_memory(container)
    reported = _parse_termination_message(container, ended.get("message", ""))
    # Model code may end the server with exit code 0; a normal end leaves no message.
    if reported or ended.get("exitCode") == 0:
        return reported
    return ModelRejected(
        "ContainerFailed",
        f"container {container['name']} ended with exit code {ended.get('exitCode')} and no message: "
        f"read kubectl logs {_name(pod)} -c {container['name']} --previous",
    )


def _last_termination(container: Object) -> Object | None:
    """Return how the container ended most recently, also while it is being restarted."""
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        if ended := state.get("terminated"):
            return dict(ended)
    return None


def _image_problem(pod: Object, container: Object, reason: str) -> DavitError:
    if reason == "InvalidImageName":
        return InvalidSpec(
            "ImageNameInvalid",
            f"image {container.get('image')} of container {container['name']} has an invalid name: "
            "correct spec.image",
        )
    return Waiting(
        "ImagePullFailed",
        f"image {container.get('image')} of container {container['name']} cannot be pulled: check spec.image "
        f"and spec.imagePullSecrets; kubectl describe pod {_name(pod)} has the details",
    )


def _start_problem(pod: Object, container: Object, waiting: Object) -> DavitError:
    return Waiting(
        "ContainerNotStarted",
        f"container {container['name']} cannot start: {_short(waiting.get('message', waiting['reason']))}; "
        f"check the Secrets and ConfigMaps that spec names, and kubectl describe pod {_name(pod)}",
    )


def _out_of_memory(container: Object) -> DavitError:
    if container["name"] == "serve":
        cure = "raise spec.resources.limits.memory"
    else:
        cure = "the model's file list or its largest parts do not fit; report this with the size of the model"
    limit = container.get("resources", {}).get("limits", {}).get("memory")
    allowed = f"its limit of {limit}" if limit else "its limit"
    return ModelRejected(
        "OutOfMemory", f"container {container['name']} used more memory than {allowed}: {cure}"
    )


def _parse_termination_message(container: Object, message: str) -> DavitError | None:
    """Convert the termination message of a Davit container into an error of the class that it names."""
    try:
        fields = json.loads(message)
        stage, reason, cause, cure = (fields[key] for key in ("stage", "reason", "cause", "cure"))
    except (ValueError, KeyError, TypeError):
        return None
    text = f"{_short(stage)} failed in container {container['name']}: {_short(cause)}; {_short(cure)}"
    if not isinstance(reason, str) or not _REASON.fullmatch(reason) or is_operators_own(reason):
        return ModelRejected("ContainerFailed", text)
    return ERRORS[_failure(fields.get("class"), reason)](reason, text)


def _failure(class_: Any, reason: str) -> Failure:
    """Return the class in the message; without a known one, as older images write it, that of the reason."""
    try:
        return Failure(class_)
    except ValueError:
        return failure_of(reason)


def _severity(problem: DavitError) -> int:
    return list(ERRORS.values()).index(type(problem))


def _condition(pod: Object, type_: str) -> Object:
    conditions = pod.get("status", {}).get("conditions") or []
    return next((dict(condition) for condition in conditions if condition["type"] == type_), {})


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def _short(text: object) -> str:
    line = " ".join(str(text).split()).rstrip(".;")
    return line if len(line) <= _MAX_MESSAGE_LENGTH else f"{line[:_MAX_MESSAGE_LENGTH]}…"
