"""What a development cluster can leave behind on a machine."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Traces:
    """Everything on this machine that belongs to no process of its own accord."""

    links: frozenset[str]
    routes: frozenset[str]
    control_groups: frozenset[str]
    folders: frozenset[str]
    locks: frozenset[str]


def traces() -> Traces:
    """Look at the machine now."""
    return Traces(
        links=frozenset(link["ifname"] for link in _ip("link", "show")),
        routes=frozenset(route["dst"] for route in _ip("-4", "route", "show", "table", "all")),
        control_groups=frozenset(str(path) for path in Path("/sys/fs/cgroup").glob("*/davit-*")),
        folders=frozenset(str(path) for path in _folders()),
        locks=frozenset(path.name for path in Path("/run/lock").glob("davit-devcluster-*")),
    )


def processes_of(state: Path, cluster: str) -> dict[int, str]:
    """Processes whose command line, control group, folder or mounts mention a cluster."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = [
                (process / name).read_text(errors="replace") for name in ("cmdline", "cgroup", "mountinfo")
            ]
        except (FileNotFoundError, ProcessLookupError, OSError):
            continue
        if f"{state}/" in said[0] or f"/davit-{cluster}/" in said[1] or f"{state}/" in said[2]:
            found[int(process.name)] = said[0].replace("\0", " ")
    return found


def namespaces_in_use() -> set[str]:
    """Network and mount namespaces that any process is in."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        for kind in ("net", "mnt"):
            try:
                found.add(str((process / "ns" / kind).readlink()))
            except OSError:
                continue
    return found


def _folders() -> list[Path]:
    places = ["/run/containerd", "/var/lib/cni", "/var/lib/kubelet", "/var/log/containers", "/var/log/pods"]
    places += [
        "/opt/containerd",
        "/opt/cni",
        "/etc/cni",
        "/run/netns",
        "/var/lib/davit-devcluster",
        "/run/runc",
    ]
    known = [Path(place) for place in places if Path(place).exists()]
    return known + [path for place in known for path in place.glob("*")]


def _ip(*arguments: str) -> list[dict]:
    said = subprocess.run(["ip", "-json", *arguments], capture_output=True, text=True, check=True)
    return json.loads(said.stdout or "[]")
