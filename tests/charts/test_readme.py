"""The tables of values in a chart's README say what the chart's values say."""

import runpy

from support.charts.rendering import CHARTS


def test_the_tables_of_values_are_fresh(chart: str):
    render = runpy.run_path(str(CHARTS / "readme.py"))["render"]
    assert (CHARTS / chart / "README.md").read_text() == render(CHARTS / chart), "make manifests"


def test_every_value_of_the_stack_has_a_row_with_its_default():
    readme = (CHARTS / "mlflow-stack/README.md").read_text()
    assert "| `service.port` | integer | `5000` | Port of the Service. |" in readme
    assert "| `keepData` | boolean | `true` | Whether uninstalling keeps the volumes" in readme
    assert "| `service.type` | `ClusterIP`, `NodePort`, `LoadBalancer` |" in readme
