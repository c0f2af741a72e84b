"""Reads Buildah's local storage, and commits images without a Dockerfile."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from devcluster.commands import run
from devcluster.errors import DevclusterError

_COPY_SECONDS = 10 * 60.0


def image_label(reference: str, label: str) -> str | None:
    """Return a label of an image, or nothing when the image or the label does not exist."""
    template = f'{{{{index .OCIv1.Config.Labels "{label}"}}}}'
    try:
        return run(["buildah", "inspect", "--type", "image", "--format", template, reference]).strip() or None
    except DevclusterError:
        return None


def image_id(reference: str) -> str | None:
    """Return the id of an image, or nothing when it does not exist."""
    return run(["buildah", "images", "--quiet", "--filter", f"reference={reference}"]).strip() or None


def image_size(reference: str) -> int:
    """Return the size of an image's layers on disk, in bytes."""
    listed = json.loads(run(["buildah", "images", "--json", reference]))
    number, unit = listed[0]["size"].split()
    return round(float(number) * {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}[unit.upper()])


def commit_folder(folder: Path, reference: str, *, parent: str = "scratch", target: str = "/") -> None:
    """Create an image of one folder on top of another image."""
    container = run(["buildah", "from", "--pull-never", parent]).strip()
    try:
        run(["buildah", "copy", "--quiet", container, str(folder), target], timeout=_COPY_SECONDS)
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        run(["buildah", "config", "--env", path, container])
        run(["buildah", "commit", "--quiet", container, reference], timeout=_COPY_SECONDS)
    finally:
        run(["buildah", "rm", container])


def forget_image(image: str) -> None:
    """Remove an image by its id, with the layers that only it uses; one in use stays."""
    with contextlib.suppress(DevclusterError):
        run(["buildah", "rmi", image])
