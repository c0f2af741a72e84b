"""The requirements of the machine; packages are installed where that is possible."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from devcluster.commands import run
from devcluster.errors import DevclusterError
from devcluster.packages import install_missing

_CNI_PLUGINS = Path("/usr/lib/cni/ptp")

# Program, or file, to the Debian package that provides it.
_PACKAGES = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    str(_CNI_PLUGINS): "containernetworking-plugins",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "ethtool": "ethtool",
    "socat": "socat",
    "busybox": "busybox-static",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "mount": "mount",
    "sysctl": "procps",
    "openssl": "openssl",
    "buildah": "buildah",
    "skopeo": "skopeo",
    "debootstrap": "debootstrap",
}
_KERNEL = {
    "network namespaces": Path("/proc/self/ns/net"),
    "mount namespaces": Path("/proc/self/ns/mnt"),
}


def check_machine() -> None:
    """Check requirements that no package can provide.

    Raises:
        DevclusterError: This is not Linux, the user is not root, or the kernel lacks something.
    """
    if platform.system() != "Linux":
        raise DevclusterError("provider `node` needs Linux: use Docker and `--provider kind` on this machine")
    if os.geteuid() != 0:
        raise DevclusterError("provider `node` needs root (namespaces, mounts, routes): run it with sudo")
    for what, path in _KERNEL.items():
        if not path.exists():
            raise DevclusterError(f"this kernel has no {what}: provider `node` cannot run on it")
    if "\toverlay" not in Path("/proc/filesystems").read_text() and shutil.which("modprobe"):
        run(["modprobe", "overlay"])


def ensure_packages() -> None:
    """Install the Debian packages that are missing.

    Raises:
        DevclusterError: Something is missing and cannot be installed; the message says what and how.
    """
    install_missing(_PACKAGES)
