"""The hash of everything that goes into an image."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from devcluster.images.catalog import ROOT, Image

LABEL = "dev.davit.inputs"


def inputs_digest(image: Image, arguments: dict[str, str], *, root: Path = ROOT) -> str:
    """Compute the digest of an image's inputs: the same digest means the same image.

    Args:
        image: Whose inputs are read.
        arguments: Other inputs of the build: build arguments, the base's own digest.
        root: The folder that the image's paths start from.
    """
    digest = hashlib.sha256()
    for name, value in sorted(arguments.items()):
        digest.update(f"{name}={value}\0".encode())
    for path in _files(image, root):
        content = (root / path).read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]


def _files(image: Image, root: Path) -> Iterator[Path]:
    for entry in image.inputs:
        whole = root / entry
        found = sorted(whole.rglob("*")) if whole.is_dir() else [whole]
        for path in found:
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root)
