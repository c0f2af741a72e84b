"""Alert rules, judged by promtool: each fires on its condition, is silent otherwise, and has a runbook."""

import copy
import re
import runpy
from functools import cache
from pathlib import Path

import pytest
import yaml
from davit_registry.errors import Failure
from davit_registry.reasons import REASONS, is_operators_own
from support.charts.rendering import ROOT, ChartError, documents, render
from support.golden import INPUT
from support.metrics.promql import matched
from support.metrics.promtool import promtool

RELEASES = {"mlflow-stack": "mlflow", "davit-operator": "davit"}
EVERYTHING = ("serviceMonitor", "prometheusRule")


@cache
def rules(chart: str):
    switches = [f"metrics.{name}.enabled=true" for name in EVERYTHING]
    switches += ["metrics.podMonitor.enabled=true"] if chart == "davit-operator" else []
    rendered = render(chart, RELEASES[chart], "--set", ",".join(switches))
    [found] = [obj for obj in documents(rendered) if obj["kind"] == "PrometheusRule"]
    return {rule["alert"]: rule for group in found["spec"]["groups"] for rule in group["rules"]}


def home(chart: str) -> str:
    return yaml.safe_load((ROOT / "charts" / chart / "Chart.yaml").read_text())["home"]


def cases(chart: str):
    """Everything as text: to YAML `0x100` would be a number in base 16."""
    return yaml.load((INPUT / "alerts" / f"{chart}.yaml").read_text(), Loader=yaml.BaseLoader)


def rule_file(chart: str, folder: Path) -> Path:
    path = folder / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": chart, "rules": [*rules(chart).values()]}]}))
    return path


def expected(chart: str, alert: str, words) -> dict:
    """What Alertmanager gets: labels and runbook of the rule, labels and words of the case."""
    rule = copy.deepcopy(rules(chart)[alert])
    words = dict(words)
    labels = {**words.pop("labels", {}), **rule["labels"]}
    return {
        "exp_labels": labels,
        "exp_annotations": {**words, "runbook_url": rule["annotations"]["runbook_url"]},
    }


def as_promtool(chart: str, case) -> dict:
    series = {**cases(chart)["healthy"], **case.get("series", {})}
    return {
        "name": case["name"],
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {
                "eval_time": f"{case['at']}m",
                "alertname": alert,
                "exp_alerts": [expected(chart, alert, words) for words in case["fires"].get(alert, [])],
            }
            for alert in rules(chart)
        ],
    }


def test_promtool_accepts_the_rules(chart: str, tmp_path: Path):
    promtool("check", "rules", "--lint=all", "--lint-fatal", rule_file(chart, tmp_path))


def test_each_alert_fires_on_its_condition_and_is_silent_otherwise(chart: str, tmp_path: Path):
    tests = [as_promtool(chart, case) for case in cases(chart)["cases"]]
    plan = {"rule_files": [str(rule_file(chart, tmp_path))], "evaluation_interval": "1m", "tests": tests}
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan))
    promtool("test", "rules", tmp_path / "plan.yaml")


def test_there_is_a_case_for_every_alert(chart: str):
    assert {alert for case in cases(chart)["cases"] for alert in case["fires"]} == {*rules(chart)}


def test_every_alert_has_a_runbook_with_its_three_sections(chart: str):
    for alert, rule in rules(chart).items():
        url, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        file = url.removeprefix(f"{home(chart)}/")
        assert file.startswith("docs/runbooks/"), f"{url} is not below the address that Chart.yaml names"
        sections = re.split(r"^## ", (ROOT / file).read_text(), flags=re.MULTILINE)[1:]
        runbooks = {section.splitlines()[0].strip(): section for section in sections}
        assert anchor == alert.lower()
        for question in ("**Means.**", "**Look.**", "**Do.**"):
            assert question in runbooks[alert], f"{file}: {alert} lacks {question}"


def test_links_begin_with_the_address_that_pyproject_names():
    """One place for a fork to change; `make manifests` carries it into the charts."""
    carried = runpy.run_path(str(ROOT / "charts" / "home.py"))
    for chart in RELEASES:
        assert home(chart) == carried["homepage"](), "run make manifests"
        assert home(chart).startswith("https://")


def test_the_runbook_address_can_be_changed(chart: str):
    values = "metrics.serviceMonitor.enabled=true,metrics.podMonitor.enabled=true"
    values = values if chart == "davit-operator" else values.partition(",")[0]
    values += (
        ",metrics.prometheusRule.enabled=true,metrics.prometheusRule.runbooks=https://wiki.example.com/r"
    )
    rendered = render(chart, RELEASES[chart], "--set", values)
    assert set(re.findall(r"runbook_url: (.*)/[\w-]+\.md#", rendered)) == {"https://wiki.example.com/r"}
    for relative in ("docs/runbooks", "https://wiki.example.com/"):
        with pytest.raises(ChartError, match="runbooks"):
            render(chart, RELEASES[chart], "--set", f"metrics.prometheusRule.runbooks={relative}")


def test_only_reasons_that_no_model_and_no_user_can_give_alert_who_runs_the_operator():
    """A pod may write any reason into its termination message; of these the operator takes none from a pod."""
    [selected] = [
        [reason for _, reason in matched(rule["expr"], "reason")]
        for rule in rules("davit-operator").values()
        if matched(rule["expr"], "reason")
    ]
    table = {reason.name: reason for reason in REASONS}
    runbook = (ROOT / "docs/runbooks/davit.md").read_text()
    assert len(selected) > 1
    for reason in selected:
        assert is_operators_own(reason)
        assert table[reason].failure in {Failure.DENIED, Failure.UNAVAILABLE, None}
        assert f"- `{reason}`:" in runbook


def test_every_runbook_belongs_to_an_existing_alert():
    sections = {
        line.removeprefix("## ")
        for path in (ROOT / "docs/runbooks").glob("*.md")
        for line in path.read_text().splitlines()
        if line.startswith("## ")
    }
    assert sections == {alert for chart in RELEASES for alert in rules(chart)}


@pytest.mark.parametrize("label", ["severity", "release"])
def test_values_cannot_override_labels_of_the_alerts(label: str):
    with pytest.raises(ChartError, match=f"invalid propertyName '{label}'"):
        render("mlflow-stack", "mlflow", "--set", f"metrics.prometheusRule.alertLabels.{label}=mine")
