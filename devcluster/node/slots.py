"""Assigns each cluster a slot, and records it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO

from devcluster import progress
from devcluster.commands import run
from devcluster.node.addresses import AddressPlan, choose_slot
from devcluster.node.paths import Paths

_LOCKS = Path("/run/lock")


@contextmanager
def exclusively(name: str, folder: Path = _LOCKS) -> Iterator[None]:
    """Hold a lock while the block runs; the lock file is removed when no process waits for it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"davit-devcluster-{name}.lock"
    while True:
        with path.open("w") as lock:
            _wait_for(lock, name)
            if not _is_same_file(lock.fileno(), path):
                continue  # the previous holder removed the file: other processes lock a new one
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def recorded_plan(paths: Paths) -> AddressPlan | None:
    """Return the recorded addresses of a cluster; None when there is no (readable) record."""
    try:
        return AddressPlan(int(json.loads(paths.record.read_text())["slot"]))
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def ensure_plan(paths: Paths) -> AddressPlan:
    """Return the cluster's addresses; assign a free slot the first time.

    Raises:
        DevclusterError: No slot is free.
    """
    with exclusively(".slots"):
        plan = recorded_plan(paths)
        if plan is None:
            others = (recorded_plan(Paths(folder.name, paths.root)) for folder in _clusters(paths.root))
            plan = AddressPlan(choose_slot((other.slot for other in others if other), host_networks()))
            paths.state.mkdir(parents=True, exist_ok=True)
            paths.record.write_text(json.dumps({"slot": plan.slot}))
    return plan


def host_networks() -> list[IPv4Network]:
    """Return the networks of this machine's routes, the default route excepted."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]))
    return [IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]


def _wait_for(lock: IO[str], name: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress.step(f"another command uses {name}: waiting for it to end")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _clusters(root: Path) -> list[Path]:
    return [folder for folder in root.glob("*") if folder.is_dir()]


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
