"""The place of the stories: both charts on the cluster of the tests, and the models the stories need."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cluster.diagnosis import tell_what_is_there
from support.cluster.fixtures import PROVIDER, cluster, fresh_namespace, helm, kubectl, loaded
from support.cluster.live import RESOLVE_SECONDS, Place, forward_mlflow

from examples.demo.charts import Helm
from examples.demo.cluster import Cluster
from examples.demo.kubectl import Kubectl
from examples.demo.stage import install_operator, install_stack

HERE = Path(__file__).parent
MODELS = HERE.parent / "support" / "models" / "register_e2e_models.py"

# These need the operator for themselves, so they come last, in this order.
LAST = ["test_steady_state.py", "test_uninstall.py"]

__all__ = ["cluster", "helm", "kubectl", "loaded"]

# Only the cluster that we make ourselves lets us read the audit log, which tells who wrote what.
collect_ignore = [] if PROVIDER == "node" else ["test_steady_state.py"]

Models = dict[str, dict[str, Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("e2e")
            # The first test waits for the whole cluster: only the tests themselves are timed.
            item.add_marker(pytest.mark.timeout(900, func_only=True))
    items.sort(key=lambda item: LAST.index(item.path.name) + 1 if item.path.name in LAST else 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Adds to a failed story what the cluster looks like at that moment."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    place = fixtures.get("place") or fixtures.get("shared_place")
    if report.failed and place is not None:
        report.sections.append(("the cluster", tell_what_is_there(place.kubectl, place.namespace)))
    return report


@pytest.fixture(scope="session")
def installed(kubectl: Kubectl, helm: Helm, loaded: tuple[Cluster, list[str]]) -> None:
    """Both charts, and nothing left of an earlier session."""
    leftover = kubectl("get", "namespace", "--selector", "davit.dev/e2e", "-o", "name").split()
    if leftover:
        kubectl("delete", *leftover, "--wait=false")
    install_stack(helm, loaded[1])
    install_operator(helm, kubectl, RESOLVE_SECONDS)


@pytest.fixture(scope="session")
def models(kubectl: Kubectl, installed: None) -> Models:
    """Name → version, run_id, model_id and location of the models of the stories."""
    with forward_mlflow(kubectl) as url:
        said = subprocess.run(
            [sys.executable, MODELS, url], capture_output=True, text=True, check=False, timeout=300
        )
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout.splitlines()[-1])


@pytest.fixture
def mlflow(kubectl: Kubectl, installed: None) -> Iterator[str]:
    """MLflow's URL; for a test that leaves MLflow alone."""
    with forward_mlflow(kubectl) as url:
        yield url


@pytest.fixture
def place(kubectl: Kubectl, installed: None) -> Iterator[Place]:
    """A fresh namespace."""
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="module")
def shared_place(kubectl: Kubectl, installed: None) -> Iterator[Place]:
    """A fresh namespace for all tests of a file."""
    with fresh_namespace(kubectl) as made:
        yield made
