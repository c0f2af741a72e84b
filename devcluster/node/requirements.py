"""The requirements of the machine; packages are installed where that is possible."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from devcluster import progress
from devcluster.commands import run
from devcluster.errors import DevclusterError

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
    missing = missing_packages()
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if shutil.which("apt-get") is None:
        raise DevclusterError(f"missing on this machine: {', '.join(missing)} (on Debian: {command})")
    progress.step(f"installing Debian packages: {' '.join(missing)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        run(["apt-get", "-qq", "update"], environment=environment, timeout=600)
        install = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends", *missing]
        run(install, environment=environment, timeout=1200)
    except DevclusterError as error:
        raise DevclusterError(f"could not install packages ({error}); by hand: {command}") from error


def missing_packages() -> list[str]:
    """Names of Debian packages whose programs are not on this machine."""
    return sorted({package for what, package in _PACKAGES.items() if not _is_there(what)})


def _is_there(what: str) -> bool:
    if what.startswith("/"):
        return Path(what).exists()
    return shutil.which(what) is not None
