"""Davit can be removed in either order, and nothing is stuck or left."""

import pytest
from support.cluster.live import RESOLVE_SECONDS, Place

from examples.demo.charts import Helm
from examples.demo.kubectl import Kubectl
from examples.demo.stage import NAMESPACE, install_operator
from examples.demo.waiting import until


@pytest.fixture
def reinstalled(helm: Helm, kubectl: Kubectl):
    yield
    install_operator(helm, kubectl, RESOLVE_SECONDS)


@pytest.fixture
def deployed(place: Place, models, reinstalled) -> Place:
    place.deploy("leaving", f"models:/e2e-iris/{models['plain']['version']}", replicas=2)
    place.wait_ready("leaving")
    return place


def wait_until_empty(place: Place) -> None:
    until(lambda: place.get("deploy,rs,pods,pdb")["items"] == [], "everything to be gone", seconds=120)


def test_uninstalling_the_operator_before_the_model_deployment(deployed: Place, helm: Helm):
    helm.uninstall("davit", NAMESPACE)
    assert deployed.ask("leaving").predictions == [0, 1, 2], "it serves without the operator"
    deployed.run("delete", "modeldeployment", "leaving", "--timeout=30s")
    wait_until_empty(deployed)


def test_uninstalling_the_crd_before_the_operator(deployed: Place, helm: Helm, kubectl: Kubectl):
    kubectl("delete", "crd", "modeldeployments.davit.dev", "--timeout=60s")
    wait_until_empty(deployed)
    helm.uninstall("davit", NAMESPACE)

    def gone() -> bool:
        operators = ("pods", "--selector", "app.kubernetes.io/name=davit-operator")
        return kubectl.get(*operators, "--all-namespaces")["items"] == []

    until(gone, "the operator's pod to end", seconds=120)


def test_deleting_a_namespace_deletes_everything_in_it(deployed: Place, kubectl: Kubectl):
    kubectl("delete", "namespace", deployed.namespace, "--timeout=240s", timeout=270)
    assert kubectl.find("namespace", deployed.namespace) is None
