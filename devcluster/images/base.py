"""The base image where no registry offers one: Debian and its Python."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from devcluster import progress
from devcluster.commands import run
from devcluster.images.catalog import REGISTRY_HOST
from devcluster.images.storage import commit_folder, image_id

SUITE = "bookworm"  # its Python is 3.11: pickled models need the minor version that the lock file is for
PACKAGES = ("ca-certificates", "python3", "python3-venv")
_BOOTSTRAP_SECONDS = 15 * 60.0

# Files that no process in a container reads, and files specific to the machine that created the base.
_SURPLUS = (
    "etc/hostname",
    "etc/resolv.conf",
    "usr/share/bash-completion",
    "usr/share/doc/*",
    "usr/share/info/*",
    "usr/share/lintian",
    "usr/share/locale/*",
    "usr/share/man/*",
    "var/cache/apt/*",
    "var/lib/apt/lists/*",
    "var/log/*",
)
_RECIPE = hashlib.sha256(repr((SUITE, PACKAGES, _SURPLUS)).encode()).hexdigest()[:12]
BASE = f"davit.dev/base:{SUITE}-{_RECIPE}"


def ensure_base() -> None:
    """Create the base image unless it exists.

    Raises:
        DevclusterError: No Debian mirror answers.
    """
    if image_id(BASE):
        return
    progress.step("creating the base image from Debian packages (once; about 2 min)")
    root = Path(tempfile.mkdtemp(prefix="davit-base."))
    try:
        _bootstrap(root)
        _add_security_updates(root)
        _trim(root)
        commit_folder(root, BASE)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def program_builder(program: Path) -> str:
    """Return the name of the image that replaces a Go build stage; it changes with the program."""
    return f"{REGISTRY_HOST}/{program.name}-build:{program.parent.name}"


def ensure_program_builder(program: Path) -> None:
    """Put an already built program where its Dockerfile looks before it uses Go."""
    reference = program_builder(program)
    if image_id(reference) is None:
        commit_folder(program, reference, parent=BASE, target=f"/out/{program.name}")


def _bootstrap(root: Path) -> None:
    included = f"--include={','.join(PACKAGES)}"
    run(["debootstrap", "--variant=minbase", included, SUITE, str(root)], timeout=_BOOTSTRAP_SECONDS)


def _add_security_updates(root: Path) -> None:
    """Add the update repositories: debootstrap installs the release as it was published."""
    sources = root / "etc/apt/sources.list"
    _, mirror, *_ = sources.read_text().split()
    lines = (
        f"deb {mirror} {SUITE} main",
        f"deb {mirror} {SUITE}-updates main",
        f"deb {mirror.rstrip('/')}-security {SUITE}-security main",
    )
    sources.write_text("\n".join(lines) + "\n")
    for words in ("update", "upgrade --yes"):
        run(["chroot", str(root), "apt-get", "-qq", *words.split()], timeout=_BOOTSTRAP_SECONDS)


def _trim(root: Path) -> None:
    for path in (path for pattern in _SURPLUS for path in root.glob(pattern)):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
