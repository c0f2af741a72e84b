"""The page of all metrics, from the tables of the server and of the operator."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from davit_operator.adapters import metrics_table as operator
from davit_server.telemetry import table as server
from prometheus_client import ProcessCollector

from docs.generate.markdown import code, table

_HEAD = """\
<!-- Written by docs/generate from the tables of metrics in the code: do not edit, run `make reference`. -->
# Metrics

Every metric of Davit's programs: serving pods and the operator, each on its port `http` under `/metrics`. The
chart of the operator has monitors, alerts and a dashboard for them.

The label `outcome` says how something ended, in lower case: `ok`, `model_rejected`. The label `reason` is the
CamelCase word of a condition, as in [reasons.md](reasons.md).
"""
_LABELS = """\
Every series has the labels below. They come from the pod itself, so a scraper does not have to add them; the
`namespace` that the chart's PodMonitor sets is the same.
"""
_OPERATOR = """\
The label `namespace` is that of the custom resource, not the operator's: scrape it with `honorLabels: true`,
as the chart's ServiceMonitor does.
"""


class Row(Protocol):
    """A row of either program's table."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102
    @property
    def unit(self) -> str: ...  # noqa: D102
    @property
    def help(self) -> str: ...  # noqa: D102
    @property
    def labels(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def outcomes(self) -> Mapping[str, str]: ...  # noqa: D102


def render() -> str:
    """Render the page."""
    return "\n".join(
        [
            _HEAD,
            "## A serving pod\n",
            _LABELS,
            _named("Label", server.POD_LABELS),
            *_metrics(server.METRICS),
            "## The operator\n",
            _OPERATOR,
            *_metrics(operator.METRICS),
            "## The processes\n",
            "The operator and a pod with one worker process also have those of Prometheus' client library:\n",
            table(["Metric", "Type", "Meaning"], _of_processes()),
        ]
    )


def _metrics(rows: Sequence[Row]) -> Iterator[str]:
    """Render the table of a program's metrics, and the outcomes of those that have them."""
    head = ["Metric", "Type", "Labels", "Unit", "Meaning"]
    cells = ([code(row.name), row.type, ", ".join(map(code, row.labels)), row.unit, row.help] for row in rows)
    yield table(head, cells)
    for row in rows:
        if row.outcomes:
            yield f"The outcomes of {code(row.name)}:\n"
            yield _named("Outcome", row.outcomes)


def _named(name: str, meanings: Mapping[str, str]) -> str:
    return table([name, "Meaning"], ([code(str(word)), meaning] for word, meaning in meanings.items()))


def _of_processes() -> Iterator[list[str]]:
    for family in ProcessCollector(registry=None).collect():
        suffix = "_total" if family.type == "counter" else ""
        yield [code(family.name + suffix), family.type, family.documentation]
