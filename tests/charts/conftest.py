"""Every example of chart values in tests/data/input/charts."""

from pathlib import Path

import pytest
from support.golden import INPUT

EXAMPLES = {path.name.removesuffix(".values.yaml"): path for path in (INPUT / "charts").glob("*.values.yaml")}
RELEASES = {"mlflow-stack": "mlflow", "davit-operator": "davit"}


def pytest_generate_tests(metafunc: pytest.Metafunc):
    if "example" in metafunc.fixturenames:
        metafunc.parametrize("example", sorted(EXAMPLES))
    if "chart" in metafunc.fixturenames:
        metafunc.parametrize("chart", sorted(RELEASES))


@pytest.fixture
def rendered(example: str) -> str:
    """An example, rendered by its chart."""
    from support.charts.rendering import render

    [chart] = [chart for chart in RELEASES if example.startswith(chart)]
    return render(chart, RELEASES[chart], "--values", str(Path(EXAMPLES[example])))
