"""The cluster of the stories: made once a session, with both charts in it and the models the stories need.

`DAVIT_TEST_CLUSTER` names it (`davit-test`), `DAVIT_TEST_PROVIDER` chooses its kind (`auto`). It is removed at
the end; with `DAVIT_TEST_KEEP=1` it stays, and the next session starts in seconds. A leftover, whole or
broken, is repaired.
"""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.diagnosis import tell_what_is_there
from support.live import RESOLVE_SECONDS, Place, forward_mlflow

from devcluster.choice import choose_provider
from examples.demo.charts import Helm
from examples.demo.cluster import Cluster, find_tool
from examples.demo.kubectl import Kubectl
from examples.demo.stage import install_operator, install_stack

HERE = Path(__file__).parent
MODELS = HERE.parent / "support" / "broken_and_whole_models.py"

# These need the operator for themselves, so they come last, in this order.
LAST = ["test_steady_state.py", "test_uninstall.py"]

PROVIDER = choose_provider(os.environ.get("DAVIT_TEST_PROVIDER", "auto"), os.environ.get("DAVIT_CONTEXT"))

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
def loaded(request: pytest.FixtureRequest) -> Iterator[tuple[Cluster, list[str]]]:
    """The running cluster and the images in it."""
    name = os.environ.get("DAVIT_TEST_CLUSTER", "davit-test")
    made = Cluster(name, PROVIDER)
    # Minutes, the first time: the progress is for the person who waits.
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        made.up()
        images = made.load_images()
    yield made, images
    if os.environ.get("DAVIT_TEST_KEEP") != "1":
        made.down()


@pytest.fixture(scope="session")
def cluster(loaded: tuple[Cluster, list[str]]) -> Cluster:
    return loaded[0]


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    return cluster.kubectl()


@pytest.fixture(scope="session")
def helm(kubectl: Kubectl) -> Helm:
    return Helm(find_tool("helm"), kubectl.environment)


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


@contextmanager
def fresh_namespace(kubectl: Kubectl) -> Iterator[Place]:
    name = f"e2e-{secrets.token_hex(4)}"
    labels = {"davit.dev/e2e": "true"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        yield Place(kubectl, name)
    finally:
        kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


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
