"""What a development cluster can leave behind on a machine."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

from devcluster.node.addresses import AddressPlan

# What a kubelet changes where it can.
_SETTINGS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops")

# What clusters have one each of: those of other clusters may come and go at any time.
_OF_ONE_CLUSTER = re.compile(r"davit-\d+|10\.2\d\d\..*|/var/lib/davit-devcluster/.*")


@dataclass(frozen=True)
class Traces:
    """What clusters have in common on a machine, and what no cluster should touch."""

    links: frozenset[str]
    routes: frozenset[str]
    folders: frozenset[str]
    settings: tuple[str, ...]


def traces() -> Traces:
    """Look at the machine now."""
    return Traces(
        links=_common(link["ifname"] for link in _ip("link", "show")),
        routes=_common(route["dst"] for route in _ip("-4", "route", "show", "table", "all")),
        folders=_common(str(path) for path in _folders()),
        settings=tuple(Path("/proc/sys", name).read_text() for name in _SETTINGS),
    )


def traces_of(cluster: str, state: Path, plan: AddressPlan) -> list[str]:
    """Everything that one cluster has on the machine now, its processes aside."""
    links = [link["ifname"] for link in _ip("link", "show") if link["ifname"] == plan.interface]
    networks = [route["dst"] for route in _ip("-4", "route", "show", "table", "all")]
    routes = [text for text in networks if text != "default" and _network(text).subnet_of(plan.network)]
    hierarchies = Path("/sys/fs/cgroup")
    groups = [*hierarchies.glob(f"davit-{cluster}"), *hierarchies.glob(f"*/davit-{cluster}")]
    places = [state, Path(f"/run/lock/davit-devcluster-{cluster}.lock")]
    return links + routes + [str(path) for path in [*groups, *places] if path.exists()]


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


def _network(text: str) -> IPv4Network:
    return IPv4Network(text, strict=False)


def _common(found: Iterable[str]) -> frozenset[str]:
    return frozenset(text for text in found if not _OF_ONE_CLUSTER.fullmatch(text))


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


def _ip(*arguments: str) -> list[dict[str, Any]]:
    said = subprocess.run(["ip", "-json", *arguments], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(said.stdout or "[]")
    return found
