"""The manifests of images, from the file that the operator's chart mounts."""

import json
from collections.abc import Mapping
from pathlib import Path

from davit_environment.manifest import ManifestError, RuntimeManifest, read_manifest


class UnusableRuntimes(ValueError):
    """The file is not as the chart writes it; the message names the entry."""


def read_runtimes(path: str) -> Mapping[str, RuntimeManifest]:
    """Read the manifests: a JSON object of image to the text of its manifest.

    Args:
        path: The file; empty for none.

    Raises:
        UnusableRuntimes: The file cannot be read, or an entry is no manifest.
    """
    if not path:
        return {}
    try:
        entries = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise UnusableRuntimes(f"DAVIT_RUNTIMES_FILE: {path} is no readable JSON; correct it") from error
    if not isinstance(entries, dict):
        raise UnusableRuntimes(f"DAVIT_RUNTIMES_FILE: {path} maps no images to manifests; correct it")
    return {image: _read(image, text) for image, text in entries.items()}


def _read(image: str, text: object) -> RuntimeManifest:
    try:
        return read_manifest(str(text).encode())
    except ManifestError as error:
        raise UnusableRuntimes(f"DAVIT_RUNTIMES_FILE: {image}: {error}") from None
