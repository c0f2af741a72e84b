"""The place of the stack's stories: the cluster of the tests; every story installs the charts it speaks of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cluster.diagnosis import tell_what_is_there
from support.cluster.fixtures import PROVIDER, cluster, fresh_namespace, helm, kubectl, loaded
from support.cluster.live import Place
from support.cluster.session import once
from support.schemas.crd import CRD_PATH
from support.stack.guides import Walks

from examples.demo.charts import Helm
from examples.demo.cluster import Cluster
from examples.demo.kubectl import Kubectl

__all__ = ["cluster", "helm", "kubectl", "loaded"]

HERE = Path(__file__).parent

# These put programs of this machine into the cluster's network, which only the cluster that we make ourselves allows.
collect_ignore = [] if PROVIDER == "node" else ["test_guides.py", "test_user_interface.py"]

# They take longest: beside them the other files follow one another.
FIRST = ["test_guides.py", "test_user_interface.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("e2e")
            item.add_marker(pytest.mark.timeout(900, func_only=True))
    items.sort(key=lambda item: item.path.name not in FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Adds to a failed story what its namespace looks like at that moment."""
    report = yield
    place = getattr(item, "funcargs", {}).get("place")
    if report.failed and place is not None:
        report.sections.append(("the cluster", tell_what_is_there(place.kubectl, place.namespace)))
    return report


@pytest.fixture(scope="session")
def definition(kubectl: Kubectl) -> None:
    """The definition of ModelDeployments, unless somebody has brought it."""
    name = CRD_PATH.stem
    if not kubectl.find("customresourcedefinition", name):
        undo = [
            "kubectl",
            f"--kubeconfig={kubectl.environment['KUBECONFIG']}",
            "delete",
            "--ignore-not-found",
        ]
        undo += ["customresourcedefinition", name]
        once("definition", lambda: kubectl("apply", "--server-side", "--filename", str(CRD_PATH)), undo)


@pytest.fixture
def place(kubectl: Kubectl) -> Iterator[Place]:
    """A fresh namespace."""
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="session")
def walks(helm: Helm, loaded: tuple[Cluster, list[str]], tmp_path_factory) -> Iterator[Walks]:
    """The guides, for every file that needs what they leave in MLflow."""
    begun = Walks(helm, *loaded, tmp_path_factory.mktemp("homes"))
    yield begun
    begun.end()
