"""kopf's watch streams, which reconnect by themselves. kopf writes nothing to the cluster.

Only `on.event` handlers are used, because they leave no annotation and need no finalizer; timers and
daemons would add one. Peering and kopf's own Events are off.
"""

from collections.abc import Callable, Sequence
from typing import Any

import kopf

from davit_operator.domain.kinds import CustomKind, Kind
from davit_operator.engine.liveness import Liveness
from davit_operator.engine.queue import WorkQueue
from davit_operator.handlers.children import SELECTOR, handle_child_event
from davit_operator.handlers.resources import handle_resource_event


def build_registry(
    kinds: Sequence[CustomKind], queue: WorkQueue, liveness: Liveness
) -> kopf.OperatorRegistry:
    """Return a registry with all handlers; kopf's default registry would add its own."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(login)
    for one in kinds:
        handler = _resource_handler(one.kind, queue, liveness)
        kopf.on.event(*_selector(one.kind), registry=registry)(handler)

    def child_event(event: kopf.RawEvent, **_: Any) -> None:
        handle_child_event(event, kinds, queue)

    for selector in _child_selectors(kinds):
        kopf.on.event(*selector, registry=registry)(child_event)
    return registry


def _resource_handler(kind: Kind, queue: WorkQueue, liveness: Liveness) -> Callable[..., None]:
    def resource_event(event: kopf.RawEvent, **_: Any) -> None:
        handle_resource_event(event, kind, queue, liveness)

    return resource_event


def build_settings(kinds: Sequence[CustomKind], namespaces: Sequence[str]) -> kopf.OperatorSettings:
    """Return settings without Events and peering, with child watches limited to managed objects."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.peering.standalone = True
    # Looking out for new namespaces and CRDs needs cluster-wide permissions.
    settings.scanning.disabled = bool(namespaces)
    # Both sides end an idle watch, so that a dead stream is noticed within minutes.
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.networking.request_timeout = 30
    for selector in _child_selectors(kinds):
        settings.watching.label_selectors[selector] = SELECTOR
    return settings


def _child_selectors(kinds: Sequence[CustomKind]) -> list[tuple[str, str, str]]:
    """Return each kind of children once, although several custom kinds may share it."""
    return list(dict.fromkeys(_selector(child) for one in kinds for child in one.children))


def _selector(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.plural


def login(**arguments: Any) -> kopf.ConnectionInfo | None:
    """Log in by the service account in a cluster, else by the kubeconfig."""
    return kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)
