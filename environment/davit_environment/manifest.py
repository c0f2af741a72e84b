"""What a runtime image contains, and its form as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

FORMAT = 1
PATH = "/opt/davit/runtime.json"
"""Where an image has its own manifest."""
BYTES = 1024 * 1024
"""An image of 600 packages and 400 libraries needs 40 KiB."""

_PYTHON = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\S{0,20}")


class ManifestError(ValueError):
    """A manifest cannot be used; the message says what is wrong with it and what to do."""


@dataclass(frozen=True)
class RuntimeManifest:
    """An image with an interpreter, as a model's needs are compared with it.

    Attributes:
        python: The full version, as in 3.11.7.
        implementation: Of the interpreter, as in cpython.
        abi: For extension modules, as in `cpython-311-x86_64-linux-gnu`.
        machine: As the kernel names it, such as x86_64.
        glibc: Its version; empty where the image has another C library.
        packages: Version by normalised name.
        libraries: Sonames of the shared libraries outside the packages, as in libgomp.so.1.
        made_by: What wrote the manifest, and its version.
    """

    python: str
    implementation: str = "cpython"
    abi: str = ""
    machine: str = "x86_64"
    glibc: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    libraries: frozenset[str] = frozenset()
    made_by: str = ""

    @property
    def minor(self) -> str:
        """The version of Python that extension modules are built for, as in 3.11."""
        return ".".join(self.python.split(".")[:2])


def write_manifest(manifest: RuntimeManifest) -> str:
    """Write the manifest as JSON: equal manifests are equal texts."""
    content = {
        "format": FORMAT,
        "python": manifest.python,
        "implementation": manifest.implementation,
        "abi": manifest.abi,
        "machine": manifest.machine,
        "glibc": manifest.glibc,
        "packages": dict(manifest.packages),
        "libraries": sorted(manifest.libraries),
        "madeBy": manifest.made_by,
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def read_manifest(data: bytes) -> RuntimeManifest:
    """Parse a manifest. Keys that are not known are ignored: the same format may grow.

    Raises:
        ManifestError: It is too large, not JSON, or of another format.
    """
    if len(data) > BYTES:
        raise ManifestError(f"the manifest has {len(data)} bytes, and {BYTES} are allowed: make it anew")
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        raise ManifestError("the manifest is not JSON: make it anew") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ManifestError(f"the manifest is not of format {FORMAT}: make it with this version of Davit")
    python = _text(content, "python")
    if not _PYTHON.fullmatch(python):
        raise ManifestError("the manifest's python is no full version, as in 3.11.7: make it anew")
    return RuntimeManifest(
        python=python,
        implementation=_text(content, "implementation"),
        abi=_text(content, "abi"),
        machine=_text(content, "machine"),
        glibc=_text(content, "glibc"),
        packages=_packages(content.get("packages")),
        libraries=_libraries(content.get("libraries")),
        made_by=_text(content, "madeBy"),
    )


def is_version(text: str) -> bool:
    """Whether PEP 440 knows such a version."""
    try:
        Version(text)
    except (InvalidVersion, ValueError):
        return False
    return True


def _text(content: dict[str, Any], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or len(value) > 200 or not value.isprintable():
        raise ManifestError(f"the manifest's {key} is no short text: make it anew")
    return value


def _packages(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ManifestError("the manifest's packages are no mapping of names to versions: make it anew")
    for name, version in value.items():
        if not isinstance(version, str) or not is_version(version) or canonicalize_name(name) != name:
            raise ManifestError("the manifest has a package whose name or version is none: make it anew")
    return dict(sorted(value.items()))


def _libraries(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ManifestError("the manifest's libraries are no list of names: make it anew")
    return frozenset(value)
