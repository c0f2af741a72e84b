"""The images that a cluster itself needs: made from the built programs, without a registry."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from devcluster.binaries.build import ensure_binary
from devcluster.binaries.catalog import BINARIES
from devcluster.errors import DevclusterError
from devcluster.node.archives import SmallImage
from devcluster.node.configuration import PAUSE_IMAGE

_PREFIX = "davit.dev/devcluster"
COREDNS_IMAGE = f"{_PREFIX}/coredns:{BINARIES['coredns'].version}"
METRICS_IMAGE = f"{_PREFIX}/metrics-server:{BINARIES['metrics-server'].version}"
PROVISIONER_IMAGE = f"{_PREFIX}/local-path-provisioner:{BINARIES['local-path-provisioner'].version}"
BUSYBOX_IMAGE = f"{_PREFIX}/busybox:v1"

_PROGRAMS = {
    PAUSE_IMAGE: "pause",
    COREDNS_IMAGE: "coredns",
    METRICS_IMAGE: "metrics-server",
    PROVISIONER_IMAGE: "local-path-provisioner",
}
SYSTEM_PROGRAMS = tuple(_PROGRAMS.values())

_SHELL_PROGRAMS = (
    "sh",
    "cat",
    "chmod",
    "echo",
    "httpd",
    "ls",
    "mkdir",
    "nc",
    "nslookup",
    "rm",
    "sleep",
    "tar",
    "test",
    "wget",
)


def system_images(find: Callable[[str], Path] = ensure_binary) -> list[SmallImage]:
    """Return every image of the cluster's own pods.

    Args:
        find: Returns the path of a program from the catalog.
    """
    images = [
        SmallImage(image, {f"/bin/{program}": find(program)}, (f"/bin/{program}",))
        for image, program in _PROGRAMS.items()
    ]
    return [*images, _busybox_image()]


def _busybox_image() -> SmallImage:
    found = shutil.which("busybox")
    if found is None:
        raise DevclusterError("busybox is missing: apt-get install busybox-static")
    links = {f"/bin/{program}": "busybox" for program in _SHELL_PROGRAMS}
    return SmallImage(BUSYBOX_IMAGE, {"/bin/busybox": Path(found)}, ("/bin/sh",), links)
