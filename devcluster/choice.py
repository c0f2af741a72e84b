"""Chooses the provider that this machine can run."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Literal

from devcluster.commands import succeeds
from devcluster.errors import DevclusterError
from devcluster.existing import ExistingProvider, terminal_prompt
from devcluster.kind import KindProvider
from devcluster.node.provider import NodeProvider
from devcluster.provider import Provider

ProviderName = Literal["kind", "node", "existing"]
NAMES: tuple[ProviderName, ...] = ("kind", "node", "existing")


def docker_answers() -> bool:
    """Return whether a Docker engine is reachable for this user."""
    return succeeds(["docker", "info"], timeout=20)


def choose_provider(
    wanted: str,
    context: str | None,
    *,
    docker: Callable[[], bool] = docker_answers,
    system: str | None = None,
) -> ProviderName:
    """Decide which provider to use.

    Args:
        wanted: A provider's name, or "auto".
        context: The context that the user confirmed, if any: it selects the existing cluster.
        docker: Returns whether a Docker engine answers.
        system: The operating system's name; the current one when absent.

    Raises:
        DevclusterError: The name is unknown, or nothing runs on this machine.
    """
    for name in NAMES:
        if wanted == name:
            return name
    if wanted != "auto":
        raise DevclusterError(f"there is no provider {wanted!r}: choose auto, {', '.join(NAMES)}")
    if context is not None:
        return "existing"
    if docker():
        return "kind"
    if (system or platform.system()) == "Linux":
        return "node"
    raise DevclusterError(
        "no cluster can run here: start Docker, or confirm an existing one with --context NAME"
    )


def build_provider(provider: ProviderName, name: str, context: str | None) -> Provider:
    """Make the chosen provider for the cluster of that name."""
    if provider == "kind":
        return KindProvider(name)
    if provider == "existing":
        return ExistingProvider(context, prompt=terminal_prompt())
    return NodeProvider(name)
