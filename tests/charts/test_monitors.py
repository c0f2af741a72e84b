"""Monitors select what there is to read, by its real labels and ports."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from davit_operator.workload import naming
from davit_server.telemetry.metrics import CONTENT_TYPE, Metrics, pod_labels
from support.charts.rendering import documents, one, render
from support.metrics.prometheus import prometheus

from examples.demo.waiting import until

ALL = "metrics.serviceMonitor.enabled=true,metrics.podMonitor.enabled=true"


def selected(monitor, obj) -> bool:
    return monitor["spec"]["selector"]["matchLabels"].items() <= obj["metadata"]["labels"].items()


def test_prometheus_finds_mlflow_and_only_mlflow():
    objects = documents(render("mlflow-stack", "mlflow", "--set", "metrics.serviceMonitor.enabled=true"))
    monitor = one(objects, "ServiceMonitor", "mlflow")
    [service] = [obj for obj in objects if obj["kind"] == "Service" and selected(monitor, obj)]
    assert service["metadata"]["name"] == "mlflow", "the alerts know it as job"
    assert monitor["spec"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}


def test_prometheus_finds_the_operator():
    objects = documents(render("davit-operator", "davit", "--set", ALL))
    monitor = one(objects, "ServiceMonitor", "davit-operator")
    [service] = [obj for obj in objects if obj["kind"] == "Service" and selected(monitor, obj)]
    assert service["metadata"]["name"] == "davit-operator", "the alerts know it as job"
    assert monitor["spec"]["endpoints"][0]["honorLabels"], (
        "a ModelDeployment's namespace is not the operator's"
    )


def test_prometheus_finds_the_pods_that_the_operator_makes():
    monitor = one(
        documents(render("davit-operator", "davit", "--set", ALL)), "PodMonitor", "davit-operator-models"
    )
    assert selected(monitor, {"metadata": {"labels": naming.object_labels("iris", "stable")}})


def pod_endpoint() -> dict[str, Any]:
    monitor = one(
        documents(render("davit-operator", "davit", "--set", ALL)), "PodMonitor", "davit-operator-models"
    )
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    return endpoint


@contextmanager
def pod(deployment: str) -> Iterator[str]:
    """The metrics of a server, on loopback."""
    metrics = Metrics()
    metrics.labels = pod_labels(deployment=deployment, track="stable", model="iris", version="3")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.end_headers()
            self.wfile.write(metrics.exposition())

        def log_message(self, *args):
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("by_monitor", [True, False])
def test_the_series_of_a_pod_have_the_same_labels_whatever_scrapes_it(by_monitor: bool, tmp_path: Path):
    """The PodMonitor sets the namespace of its target; a scraper configured by annotations may set none."""
    labels = {"namespace": "shop"} if by_monitor else {}
    relabelings = pod_endpoint()["metricRelabelings"] if by_monitor else []
    with pod("shop/iris") as target, prometheus(target, labels, tmp_path, relabelings) as server:
        until(lambda: server.query("davit_queue_depth"), "the first scrape", seconds=60)
        [series] = server.query("davit_queue_depth")
    own = {"namespace": "shop", "deployment": "iris", "track": "stable", "model": "iris", "version": "3"}
    assert {**own, "__name__": "davit_queue_depth", "job": "pods", "instance": target} == series["metric"]


def test_a_model_cannot_pretend_to_be_in_another_namespace(tmp_path: Path):
    endpoint = pod_endpoint()
    assert "honorLabels" not in endpoint, (
        "a model's code runs in the pod and could claim any job and namespace"
    )
    relabelings = endpoint["metricRelabelings"]
    with (
        pod("bank/iris") as target,
        prometheus(target, {"namespace": "shop"}, tmp_path, relabelings) as server,
    ):
        until(lambda: server.query("davit_queue_depth"), "the first scrape", seconds=60)
        [series] = server.query("davit_queue_depth")
    assert series["metric"]["namespace"] == "shop"


def test_model_pods_are_scraped_in_the_namespaces_that_the_operator_watches():
    def where(*arguments: str):
        objects = documents(render("davit-operator", "davit", "--set", ALL, *arguments))
        return one(objects, "PodMonitor", "davit-operator-models")["spec"]["namespaceSelector"]

    assert where() == {"any": True}
    assert where("--set", "watchNamespaces={team-a}") == {"matchNames": ["team-a"]}
