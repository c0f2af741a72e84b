"""What a pod that is not ready says about why: its conditions, its containers' states, their last words."""

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
_LONGEST_MESSAGE = 1000


def is_live(pod: Object) -> bool:
    """Whether a pod counts: not being deleted, not over."""
    over = pod.get("status", {}).get("phase") in {"Failed", "Succeeded"}
    return not over and "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Object) -> bool:
    """Whether a pod gets requests."""
    return _condition(pod, "Ready").get("status") == "True"


def revision_of(pod: Object) -> str:
    """Which pod template a pod was made from."""
    return str((pod["metadata"].get("labels") or {}).get(constants.REVISION_LABEL, ""))


def pin_of(pod: Object) -> str:
    """The fingerprint of the pin that a pod answers with."""
    return str((pod["metadata"].get("labels") or {}).get(constants.PIN_LABEL, ""))


def diagnose_pods(pods: Sequence[Object]) -> DavitError | None:
    """The gravest thing that any of these pods says; the first by name among equals, so that it stays put."""
    found = [problem for pod in sorted(pods, key=_name) if (problem := diagnose_pod(pod))]
    return min(found, key=_gravity, default=None)


def diagnose_pod(pod: Object) -> DavitError | None:
    """Why a pod is not ready, when it can be told; None while nothing is wrong with it."""
    if is_ready(pod):
        return None
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return Waiting(
            "Unschedulable",
            f"pod {_name(pod)} finds no node: {_short(scheduled.get('message', 'no reason given'))}; "
            "add or free nodes, or change spec.resources or the scheduling fields of spec",
        )
    status = pod.get("status", {})
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    return next((problem for one in containers if (problem := _diagnose_container(pod, one))), None)


def _diagnose_container(pod: Object, container: Object) -> DavitError | None:
    waiting = container.get("state", {}).get("waiting") or {}
    if waiting.get("reason") in _PULL_REASONS | {"InvalidImageName"}:
        return _unpullable(pod, container, waiting["reason"])
    if waiting.get("reason") in _CONFIG_REASONS:
        return _unstartable(pod, container, waiting)
    ended = _last_end(container)
    if ended is None or container.get("ready"):
        return None
    if ended.get("reason") == "OOMKilled":
        return _out_of_memory(container)
    last_words = _last_words(container, ended.get("message", ""))
    # A model's code may end the server with exit code 0; where nothing went wrong no message is left.
    if last_words or ended.get("exitCode") == 0:
        return last_words
    return ModelRejected(
        "ContainerFailed",
        f"container {container['name']} ended with exit code {ended.get('exitCode')} and gave no reason: "
        f"read kubectl logs {_name(pod)} -c {container['name']} --previous",
    )


def _last_end(container: Object) -> Object | None:
    """How the container ended, now or the last time: it stays true while the container is tried again."""
    for state in (container.get("state") or {}, container.get("lastState") or {}):
        if ended := state.get("terminated"):
            return dict(ended)
    return None


def _unpullable(pod: Object, container: Object, reason: str) -> DavitError:
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


def _unstartable(pod: Object, container: Object, waiting: Object) -> DavitError:
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


def _last_words(container: Object, message: str) -> DavitError | None:
    """The structured reason that our containers leave behind; its class decides the error."""
    try:
        words = json.loads(message)
        stage, reason, cause, cure = (words[key] for key in ("stage", "reason", "cause", "cure"))
    except (ValueError, KeyError, TypeError):
        return None
    text = f"{_short(stage)} failed in container {container['name']}: {_short(cause)}; {_short(cure)}"
    if not isinstance(reason, str) or not _REASON.fullmatch(reason) or is_operators_own(reason):
        return ModelRejected("ContainerFailed", text)
    return ERRORS[_failure(words.get("class"), reason)](reason, text)


def _failure(class_: Any, reason: str) -> Failure:
    """The class in the message; for an image that writes none, or an unknown one, that of the reason."""
    try:
        return Failure(class_)
    except ValueError:
        return failure_of(reason)


def _gravity(problem: DavitError) -> int:
    return list(ERRORS.values()).index(type(problem))


def _condition(pod: Object, type_: str) -> Object:
    conditions = pod.get("status", {}).get("conditions") or []
    return next((dict(condition) for condition in conditions if condition["type"] == type_), {})


def _name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def _short(text: object) -> str:
    line = " ".join(str(text).split()).rstrip(".;")
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"
