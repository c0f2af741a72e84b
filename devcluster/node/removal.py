"""Ends a node and removes its files."""

from __future__ import annotations

import shutil
import time

from devcluster.errors import DevclusterError
from devcluster.node.mounts import unmount_below
from devcluster.node.node import Node
from devcluster.node.processes import kill_all

_ROUNDS = 100
_PAUSE_SECONDS = 0.1


def halt(node: Node) -> None:
    """End all processes and remove everything that exists only while they run. Data stays.

    With SIGKILL and all at once: in an orderly stop the API server would wait a minute for its watchers, and
    etcd's data is safe either way.

    Raises:
        DevclusterError: Processes do not end.
    """
    _end_members(node)
    node.namespaces.remove()
    unmount_below(node.paths.state)
    shutil.rmtree(node.paths.run, ignore_errors=True)
    node.group.remove()


def remove(node: Node) -> None:
    """End the node and remove all its data."""
    halt(node)
    if node.paths.state.exists():
        shutil.rmtree(node.paths.state)


def _end_members(node: Node) -> None:
    """End containers, their shims and all other processes of a cluster.

    Several rounds: a process may start another one while it is being ended.
    """
    for _ in range(_ROUNDS):
        members = node.group.members()
        if not members:
            return
        kill_all(members)
        time.sleep(_PAUSE_SECONDS)
    raise DevclusterError(
        f"processes of cluster {node.paths.name} do not end: {sorted(node.group.members())}"
    )
