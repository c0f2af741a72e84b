"""`python -m devcluster tool NAME`: prints where a program is, building it the first time."""

from __future__ import annotations

from devcluster.binaries.build import ensure_binary


def print_path(name: str) -> int:
    """Print the path of one program from the catalog."""
    print(ensure_binary(name))
    return 0
