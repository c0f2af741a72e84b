"""Writes the manifest of the interpreter that runs this: `python -m davit_environment.inspection`.

Runs while an image is built, and needs nothing but the standard library and `packaging`.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from davit_environment.manifest import RuntimeManifest, is_version, write_manifest

_DISTRIBUTION = "davit-serving"
_FOLDERS = ("/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib")
_SONAME = re.compile(r"(?:lib|ld-)[^/\s]+\.so(?:\.[0-9]+)*")
_CACHED = re.compile(r"^\s+(\S+) \(.*\) => ", re.MULTILINE)


def inspect_runtime() -> RuntimeManifest:
    """Describe what this interpreter can import, and which shared libraries its system has."""
    packages = _packages(metadata.distributions())
    return RuntimeManifest(
        python=platform.python_version().rstrip("+"),
        implementation=sys.implementation.name,
        abi=str(sysconfig.get_config_var("SOABI") or ""),
        machine=platform.machine(),
        glibc=_glibc(),
        packages=packages,
        libraries=_libraries(),
        made_by=f"{_DISTRIBUTION} {packages.get(_DISTRIBUTION, '')}".strip(),
    )


def _packages(distributions: Iterable[metadata.Distribution]) -> dict[str, str]:
    """Map names to versions; of two with one name the first, which is the one that is imported."""
    found: dict[str, str] = {}
    for distribution in distributions:
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        if name is None or version is None:  # a folder that an uninstallation left behind
            continue
        if is_version(version):
            found.setdefault(canonicalize_name(name), version)
        else:
            print(f"{name} {version}: no version of PEP 440, left out", file=sys.stderr)  # noqa: T201
    return dict(sorted(found.items()))


def _glibc() -> str:
    """Return the version of glibc; empty for another C library."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (ValueError, OSError):
        return ""
    return version if name == "glibc" else ""


def _libraries() -> frozenset[str]:
    """List what the loader finds: in its cache, and in the usual folders for what was added later."""
    multiarch = sysconfig.get_config_var("MULTIARCH")
    folders = [Path(folder, *part) for folder in _FOLDERS for part in ((), (multiarch,)) if all(part)]
    present = {path.name for folder in folders if folder.is_dir() for path in folder.iterdir()}
    return frozenset(name for name in {*present, *_CACHED.findall(_cache())} if _SONAME.fullmatch(name))


def _cache() -> str:
    """Run `ldconfig -p`; an empty text where there is none, as with musl."""
    for program in ("/sbin/ldconfig", "/usr/sbin/ldconfig"):
        if Path(program).exists():
            listed = subprocess.run([program, "-p"], capture_output=True, text=True, check=False)
            return listed.stdout
    return ""


def main() -> int:
    """Write the manifest to standard output."""
    sys.stdout.write(write_manifest(inspect_runtime()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
