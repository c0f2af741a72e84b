"""Writes what a whole run found into the documentation."""

from pathlib import Path

from bench.chart import draw_chart
from bench.errors import BenchFailed
from bench.places import CHART, PAGE, README
from bench.results import Results
from bench.tables import full_page, readme_section

BEGIN = "<!-- bench:begin, written by `make bench` -->"
END = "<!-- bench:end -->"


def publish(results: Results) -> None:
    """README, the page with all figures, and the chart."""
    README.write_text(replace_section(README.read_text(), readme_section(results), README))
    PAGE.write_text(full_page(results))
    draw_chart(results, CHART)


def replace_section(text: str, section: str, path: Path) -> str:
    """A document with other text between the two markers.

    Raises:
        BenchFailed: The markers are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchFailed(f"{path} lacks the lines {BEGIN} and {END}, between which the figures go.")
    return f"{before}{BEGIN}\n{section}\n{END}{after}"
