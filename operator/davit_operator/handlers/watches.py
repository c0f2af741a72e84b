"""kopf, used for what it does best: watch streams that survive everything. It writes nothing of its own.

Only `on.event` handlers: they leave no annotation and need no finalizer. No timers or daemons, which would
add one. No peering, no Events of kopf's.
"""

from collections.abc import Callable, Sequence
from typing import Any

import kopf

from davit_operator.domain.kinds import CustomKind, Kind
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue
from davit_operator.handlers.children import SELECTOR, note_child
from davit_operator.handlers.resources import note_resource


def build_registry(
    kinds: Sequence[CustomKind], queue: WorkQueue, liveness: Liveness
) -> kopf.OperatorRegistry:
    """All handlers. A registry of our own, so that kopf adds none of its default ones."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(login)
    for one in kinds:
        handler = _resource_handler(one.kind, queue, liveness)
        kopf.on.event(*_selector(one.kind), registry=registry)(handler)

    def child_event(event: kopf.RawEvent, **_: Any) -> None:
        note_child(event, kinds, queue)

    for selector in _child_selectors(kinds):
        kopf.on.event(*selector, registry=registry)(child_event)
    return registry


def _resource_handler(kind: Kind, queue: WorkQueue, liveness: Liveness) -> Callable[..., None]:
    def resource_event(event: kopf.RawEvent, **_: Any) -> None:
        note_resource(event, kind, queue, liveness)

    return resource_event


def build_settings(kinds: Sequence[CustomKind], namespaces: Sequence[str]) -> kopf.OperatorSettings:
    """Kopf's settings: silent, alone, and asking the API server for our own objects only."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    # Looking out for new namespaces and CRDs needs cluster-wide permissions.
    settings.scanning.disabled = bool(namespaces)
    # Both sides end a watch that has gone quiet, so that no stream is dead for long unnoticed.
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.networking.request_timeout = 30
    for selector in _child_selectors(kinds):
        settings.watching.label_selectors[selector] = SELECTOR
    return settings


def _child_selectors(kinds: Sequence[CustomKind]) -> list[tuple[str, str, str]]:
    """Each kind of children once, though several kinds of ours may have it."""
    return list(dict.fromkeys(_selector(child) for one in kinds for child in one.children))


def _selector(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.plural


def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """In a cluster by the service account, else by the kubeconfig."""
    return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)
