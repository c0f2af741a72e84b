"""The stack with default values: start-up time, size, metrics; then behind an Ingress."""

import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from support.cluster.fixtures import fresh_namespace
from support.cluster.live import Place
from support.metrics import scrapes
from support.stack.release import helm_test

from examples.demo.charts import Helm
from examples.demo.kubectl import Kubectl
from examples.demo.stage import stack_files
from examples.demo.waiting import until

MOST_MEBIBYTES = 900
HOST = "mlflow.example.com"
READ_METRICS = """
import os, urllib.request
print(urllib.request.urlopen(f"http://{os.environ['POD_IP']}:5000/metrics").read().decode())
"""
_UNITS = {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024}


@dataclass(frozen=True)
class Installed:
    """The release, and how long `helm install --wait` took."""

    helm: Helm
    place: Place
    files: list[str]
    seconds: float

    def upgrade(self, **values: object) -> None:
        """The same with some values set; all is ready after it."""
        self.helm.install("mlflow", "mlflow-stack", self.place.namespace, values, self.files)


@pytest.fixture(scope="module")
def place(kubectl: Kubectl) -> Iterator[Place]:
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="module")
def stack(helm: Helm, place: Place, loaded) -> Installed:
    files = stack_files(loaded[1])
    started = time.monotonic()
    helm.install("mlflow", "mlflow-stack", place.namespace, files=files)
    return Installed(helm, place, files, time.monotonic() - started)


def mebibytes(place: Place, since: datetime) -> dict[str, float]:
    """What metrics-server has measured since then for each running pod; nothing while it has not seen all of them."""
    running = place.get("pods", "--field-selector=status.phase=Running")["items"]
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{place.namespace}/pods"
    measured = json.loads(place.kubectl("get", "--raw", path))["items"]
    found = {
        pod["metadata"]["name"]: sum(_mebibytes(one["usage"]["memory"]) for one in pod["containers"])
        for pod in measured
        if datetime.fromisoformat(pod["timestamp"]) > since
    }
    names = [pod["metadata"]["name"] for pod in running]
    return {name: found[name] for name in names} if found.keys() >= {*names} else {}


def _mebibytes(quantity: str) -> float:
    return float(quantity[:-2]) * _UNITS[quantity[-2:]]


def test_helm_test_passes_on_the_default_stack(stack: Installed):
    helm_test(stack.helm, stack.place)


def test_a_scrape_by_pod_address_matches_the_recorded_one(stack: Installed):
    with stack.place.kubectl.forward(stack.place.namespace, "svc/mlflow", 5000) as url:
        ask(url, "localhost", "/api/2.0/mlflow/experiments/search", body={"max_results": 1})
    told = scrapes.parsed(
        stack.place.execute("deploy/mlflow", "python", "-c", READ_METRICS, container="mlflow")
    )
    recorded = scrapes.mlflow()
    assert told.keys() == recorded.keys()
    assert told["mlflow_http_request_total"] == recorded["mlflow_http_request_total"]


def test_the_default_stack_is_small(stack: Installed, request: pytest.FixtureRequest):
    """After it has been used: before its first request MLflow has not loaded half of itself."""
    now = datetime.now(UTC)
    used = until(lambda: mebibytes(stack.place, now), "metrics-server to have measured all pods", seconds=180)
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        sys.stderr.write(f"\nReady after {stack.seconds:.0f} s, {sum(used.values()):.0f} MiB: {used}\n")
    assert len(used) == 3
    assert sum(used.values()) <= MOST_MEBIBYTES


def keepsakes(place: Place) -> dict[str, object]:
    """What no upgrade may touch: credentials, and the pods on which data lies."""
    secrets = place.get("secrets", "--selector", "app.kubernetes.io/name=mlflow-stack")["items"]
    pods = [place.get("pod", f"mlflow-{part}-0") for part in ("postgresql", "versitygw")]
    found = {secret["metadata"]["name"]: secret["data"] for secret in secrets}
    return found | {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in pods}


@pytest.fixture(scope="module")
def published(stack: Installed) -> dict[str, object]:
    """An upgrade puts an Ingress in front; returns what no upgrade may touch as it was before."""
    before = keepsakes(stack.place)
    tls = [{"secretName": "tls", "hosts": [HOST]}]
    stack.upgrade(ingress={"enabled": True, "hosts": [HOST], "tls": tls})
    return before


def test_an_upgrade_keeps_every_secret_and_the_pods_that_hold_data(stack: Installed, published):
    assert len(published) == 6
    assert keepsakes(stack.place) == published


def test_no_value_of_the_release_contains_a_secret(stack: Installed, published):
    shown = stack.helm.values("mlflow", stack.place.namespace)
    names = ("mlflow-postgresql", "mlflow-versitygw", "mlflow-webhooks")
    secrets = [base64.b64decode(one).decode() for name in names for one in published[name].values()]
    assert len(secrets) == 5
    assert not [secret for secret in secrets if secret in shown]


def ask(url: str, host: str, path: str, origin: str = "", body: object = None) -> int:
    """The status that a client gets who comes by this name."""
    headers = {"Host": host, "Content-Type": "application/json"} | ({"Origin": origin} if origin else {})
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url + path, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refusal:
        return refusal.code


def test_mlflow_accepts_the_ingress_host_and_no_other(stack: Installed, published):
    search = "/api/2.0/mlflow/experiments/search"
    [rule] = stack.place.get("ingress", "mlflow")["spec"]["rules"]
    assert rule["host"] == HOST
    with stack.place.kubectl.forward(stack.place.namespace, "svc/mlflow", 5000) as url:
        assert ask(url, HOST, search, f"https://{HOST}", {"max_results": 1}) == 200
        assert ask(url, HOST, search, f"http://{HOST}", {"max_results": 1}) == 403
        assert ask(url, HOST, search, "https://evil.example.com", {"max_results": 1}) == 403
        assert ask(url, "evil.example.com", search, body={"max_results": 1}) == 403
