"""Alerts and dashboards ask for metrics that there are, by labels that they have."""

import json
import re
from pathlib import Path

import pytest
import yaml
from support.charts.rendering import documents, render
from support.metrics import scrapes
from support.metrics.promql import groupings, matched, selections
from support.metrics.promtool import promtool

RELEASES = {"mlflow-stack": "mlflow", "davit-operator": "davit"}
# Grafana puts these in before it asks.
VARIABLES = {"$__rate_interval": "1m", "$namespace": ".*", "$deployment": ".*"}


def objects(chart: str):
    switches = ["serviceMonitor", "prometheusRule", "dashboard"]
    switches += ["podMonitor"] if chart == "davit-operator" else []
    values = ",".join(f"metrics.{name}.enabled=true" for name in switches)
    return documents(render(chart, RELEASES[chart], "--set", values))


def dashboard(chart: str):
    [found] = [obj for obj in objects(chart) if obj["metadata"]["name"].endswith("-dashboard")]
    [text] = found["data"].values()
    return json.loads(text)


def panel_queries(chart: str) -> dict[str, str]:
    found = {}
    for panel in dashboard(chart)["panels"]:
        for target in panel["targets"]:
            query = target["expr"]
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            found[f"{panel['title']} {target['refId']}"] = query
    return found


def alert_queries(chart: str) -> dict[str, str]:
    [found] = [obj for obj in objects(chart) if obj["kind"] == "PrometheusRule"]
    return {rule["alert"]: rule["expr"] for group in found["spec"]["groups"] for rule in group["rules"]}


def variable_queries(chart: str) -> dict[str, str]:
    return {
        one["name"]: re.fullmatch(r"label_values\((.*), \w+\)", one["query"])[1].replace("$namespace", ".*")
        for one in dashboard(chart)["templating"]["list"]
        if one["type"] == "query"
    }


@pytest.fixture(params=["alerts", "panels", "variables"])
def queries(request, chart: str) -> dict[str, str]:
    return {"alerts": alert_queries, "panels": panel_queries, "variables": variable_queries}[request.param](
        chart
    )


def test_every_query_is_promql(queries: dict[str, str], tmp_path: Path):
    rules = [
        {"record": f"query:{number}", "expr": query} for number, query in enumerate(queries.values(), start=1)
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    promtool("check", "rules", path)


def test_every_query_uses_existing_metrics_and_labels(queries: dict[str, str]):
    known = scrapes.everything()
    for name, query in queries.items():
        assert selections(query), f"{name}: no metric found in {query}"
        for metric, labels in selections(query):
            assert metric in known, f"{name}: there is no {metric}"
            assert labels <= known[metric], f"{name}: {metric} has no {labels - known[metric]}"


def test_every_label_that_a_query_groups_by_is_one_of_its_metrics(queries: dict[str, str]):
    known = scrapes.everything()
    for name, query in queries.items():
        labels = set().union(*(known[metric] for metric, _ in selections(query)))
        assert groupings(query) <= labels, f"{name}: no metric of it has {groupings(query) - labels}"


def test_every_outcome_that_a_query_selects_can_happen(queries: dict[str, str]):
    for name, query in queries.items():
        for metric, value in matched(query, "outcome"):
            assert value in scrapes.outcomes(metric), f"{name}: {metric} has no outcome {value}"


def test_every_panel_says_what_it_shows_and_overlaps_no_other(chart: str):
    taken = set()
    for panel in dashboard(chart)["panels"]:
        assert panel["description"], panel["title"]
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_dashboards_of_two_releases_have_different_ids():
    one, other = (
        json.loads(next(iter(obj["data"].values())))
        for release in ("mlflow", "registry")
        for obj in documents(render("mlflow-stack", release, "--set", "metrics.dashboard.enabled=true"))
        if obj["metadata"]["name"].endswith("-dashboard")
    )
    assert one["uid"] != other["uid"]
    assert "@" not in json.dumps(one)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('sum by (le) (rate(a_bucket{job="x",le=~"1|2"}[5m])) > 0.5', {"a_bucket"}),
        ("absent(up{} == 1) or time() - max by (b) (c)", {"up", "c"}),
        ("x == 1 and on (job_name) topk(1, y)", {"x", "y"}),
    ],
)
def test_names_of_metrics_are_distinguished_from_functions_and_labels(query: str, names: set[str]):
    assert {name for name, _ in selections(query)} == names


def test_the_check_itself_reads_groupings_and_matchers():
    query = 'sum by (le, a) (rate(x{b="y",outcome=~"ok|error"}[5m])) / on (c) z{outcome!="ok"}'
    assert groupings(query) == {"le", "a", "c"}
    assert matched(query, "outcome") == [("x", "ok"), ("x", "error"), ("z", "ok")]
