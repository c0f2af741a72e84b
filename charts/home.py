"""Writes the project's URL from pyproject.toml into the charts, which build links from it.

A fork changes `[project.urls] Homepage` and runs `make manifests`; a test fails when that was forgotten.
"""

import re
import tomllib
from pathlib import Path

CHARTS = Path(__file__).parent


def homepage() -> str:
    """Return the project's URL."""
    project = tomllib.loads((CHARTS.parent / "pyproject.toml").read_text())["project"]
    return str(project["urls"]["Homepage"])


def carried(chart: Path) -> str:
    """Return the text that a chart's Chart.yaml must have."""
    text = (chart / "Chart.yaml").read_text()
    return re.sub(r"^home: .*$", f"home: {homepage()}", text, flags=re.MULTILINE)


def main() -> None:
    """Write the Chart.yaml of every chart."""
    for chart in sorted(path.parent for path in CHARTS.glob("*/Chart.yaml")):
        (chart / "Chart.yaml").write_text(carried(chart))


if __name__ == "__main__":
    main()
