"""Where the bench keeps its files."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout."""
HERE = ROOT / "bench"
REQUIREMENTS = HERE / "requirements"
PEERS = HERE / "peers"
RESULTS = HERE / "results" / "latest.json"
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "performance.md"
CHART = ROOT / "docs" / "performance.png"


def cache() -> Path:
    """Return the folder in the user's cache for large files: environments, models."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "davit" / "bench"
