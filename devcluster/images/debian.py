"""Installs Debian packages that a build needs, when root and missing."""

from __future__ import annotations

import os
import shutil

from devcluster import progress
from devcluster.commands import run
from devcluster.errors import DevclusterError

_INSTALL_SECONDS = 10 * 60.0


def install_missing(programs: dict[str, str]) -> None:
    """Make sure that programs are there.

    Args:
        programs: Program and the Debian package that has it.

    Raises:
        DevclusterError: This is not Debian, or its mirror does not answer.
    """
    packages = sorted({package for program, package in programs.items() if shutil.which(program) is None})
    if not packages:
        return
    if shutil.which("apt-get") is None:
        raise DevclusterError(
            f"missing: {', '.join(packages)}; install them with this system's package manager"
        )
    progress.step(f"installing {', '.join(packages)} from Debian")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *packages]
    run(["apt-get", "update", "--quiet"], timeout=_INSTALL_SECONDS)
    run(install, environment=environment, timeout=_INSTALL_SECONDS)
