"""The reference pages are what the code says today, and the names of metrics elsewhere are on their page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from davit_operator.adapters import metrics_table as operator
from davit_registry.reasons import REASONS
from davit_server.telemetry import table as server
from support.schemas.crd import load_schema

from docs.generate.__main__ import PAGES

ROOT = Path(__file__).parents[3]
METRICS = {row.name: row for row in (*server.METRICS, *operator.METRICS)}
PACKAGES = {path.name for path in ROOT.glob("*/davit_*/")}
TEXTS = ["README.md", "*/README.md", "charts/davit-operator/**/*.*", "docs/*.md", "docs/runbooks/*.md"]


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_a_page_is_what_make_reference_writes(page: Path):
    assert page.read_text(encoding="utf-8") == PAGES[page](), "run make reference"


def words(page: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", (ROOT / "docs" / page).read_text()))


def test_every_reason_and_every_metric_is_on_its_page():
    assert {reason.name for reason in REASONS} <= words("reasons.md")
    assert {*METRICS, *server.POD_LABELS, *server.OUTCOMES} <= words("metrics.md")


def fields(schema: dict[str, Any], depth: int) -> Iterator[str]:
    for name, field in schema["properties"].items():
        yield name
        if depth > 1 and "properties" in field:
            yield from (f"{name}.{below}" for below in fields(field, depth - 1))


def test_every_field_of_a_modeldeployment_is_on_its_page():
    listed = {word.removesuffix("[]").removesuffix(".*") for word in words("fields.md")}
    schema = load_schema()["properties"]
    for part in ("spec", "status"):
        assert {f"{part}.{name}" for name in fields(schema[part], 2)} <= listed


@pytest.mark.parametrize("row", METRICS.values(), ids=METRICS)
def test_a_metric_follows_the_conventions_of_prometheus(row: server.MetricRow):
    assert re.fullmatch("davit_[a-z_]+", row.name)
    assert row.name.endswith("_total") == (row.type == "counter")
    assert ("_seconds" in row.name, "_bytes" in row.name) == ("seconds" in row.unit, "bytes" in row.unit)
    assert (row.type == "histogram") == bool(row.buckets)
    assert ("outcome" in row.labels) == bool(row.outcomes)
    assert row.help.endswith(".")
    assert row.help[0].isupper() or row.help[0].isdigit()


def test_one_word_says_how_something_ended_and_another_why():
    labels = {label for row in METRICS.values() for label in row.labels}
    assert not labels & {"result", "state", "code", "cause"}
    outcomes = {outcome for row in METRICS.values() for outcome in row.outcomes}
    assert all(re.fullmatch("[a-z_]+", outcome) for outcome in outcomes)


def named(text: str) -> Iterator[str]:
    for name in re.findall(r"\bdavit_[a-z_]+(?!\w*[/*])", text):
        if name not in PACKAGES:
            base = re.sub("_(bucket|sum|count)$", "", name)
            yield base if base in METRICS and METRICS[base].type == "histogram" else name


@pytest.mark.parametrize("pattern", TEXTS)
def test_every_metric_that_a_text_names_is_on_the_page(pattern: str):
    files = [path for path in ROOT.glob(pattern) if path.is_file()]
    assert files, f"{pattern} matches no file"
    wrong = {f"{path.relative_to(ROOT)}: {name}" for path in files for name in named(path.read_text())}
    assert {one for one in wrong if one.rpartition(" ")[2] not in METRICS} == set()


def test_the_check_itself_knows_metrics_from_packages():
    text = "`davit_operator` counts `davit_requests_total`, davit_batch_size_sum, not davit_requests_sum"
    assert list(named(text)) == ["davit_requests_total", "davit_batch_size", "davit_requests_sum"]
