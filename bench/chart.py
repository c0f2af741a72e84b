"""Draws the figures as a chart."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.figures import Spread
from bench.models import MODELS
from bench.results import Results
from bench.servers import SERVERS

LOAD = "c64"
OURS, THEIRS = "#1f6f8b", "#b0b7bd"


def draw_chart(results: Results, path: Path) -> None:
    """Draw one panel per model: requests answered per second of CPU time, by server."""
    mpl.use("agg")
    models = [model for model in MODELS if model.name in results.models]
    figure = Figure(figsize=(9, 1 + 1.1 * len(models)), layout="constrained")
    panels = figure.subplots((len(models) + 1) // 2, min(2, len(models)), squeeze=False).flat
    for panel, model in zip(panels, models, strict=False):
        _draw_panel(panel, model.title, bars(results, model.name))
    for spare in list(panels):
        spare.set_axis_off()
    figure.supxlabel("one-row requests per second of CPU time, 64 at a time", fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def bars(results: Results, model: str) -> list[tuple[str, float]]:
    """Return each server's title and the requests that it answers per second of CPU time."""
    figures = results.models[model]
    return [
        (_plain(server.title), 1e6 / Spread.of(figures[server.name].loads[LOAD].cpu_us).median)
        for server in SERVERS
        if server.name in figures
    ]


def _plain(title: str) -> str:
    """Return a title without Markdown."""
    return title.replace("**", "").replace("`", "")


def _draw_panel(panel: Any, title: str, values: list[tuple[str, float]]) -> None:
    """Draw horizontal bars, the first on top, each with its value."""
    names = [name for name, _ in values][::-1]
    heights = [value for _, value in values][::-1]
    colours = [OURS if name.startswith("Davit") else THEIRS for name in names]
    drawn = panel.barh(names, heights, color=colours)
    panel.bar_label(drawn, [f"{value:,.0f}".replace(",", " ") for value in heights], padding=2, fontsize=7)
    panel.set_title(title, fontsize=9)
    panel.tick_params(labelsize=7)
    panel.margins(x=0.16)
    panel.spines[["top", "right"]].set_visible(False)
