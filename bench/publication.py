"""Writes the figures of a complete run into the documentation."""

from pathlib import Path

from bench.chart import draw_chart
from bench.errors import BenchFailed
from bench.places import CHART, PAGE, README, RESULTS
from bench.results import Results
from bench.tables import full_page, readme_section

BEGIN = "<!-- bench:begin, written by `make bench` -->"
END = "<!-- bench:end -->"
NOTHING_KEPT = "No figures are stored yet: `make bench` measures Davit beside its peers and writes them here."


def publish(results: Results) -> None:
    """Write the README's section, the page with all figures, and the chart."""
    README.write_text(replace_section(README.read_text(), readme_section(results), README))
    PAGE.write_text(full_page(results))
    draw_chart(results, CHART)


def kept_results(path: Path = RESULTS) -> Results:
    """Read the figures of the last complete run.

    Raises:
        BenchFailed: There are none.
    """
    if not path.exists():
        raise BenchFailed(f"{path} does not exist: run the complete bench first, `make bench`.")
    return Results.read(path)


def replace_section(text: str, section: str, path: Path) -> str:
    """Return a document with other text between the two markers.

    Raises:
        BenchFailed: The markers are not there, once each and in order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchFailed(f"{path} lacks the lines {BEGIN} and {END}, between which the figures go.")
    return f"{before}{BEGIN}\n{section}\n{END}{after}"
