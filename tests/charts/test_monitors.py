"""Monitors select what there is to read, by its real labels and ports."""

from davit_operator.workload import naming
from support.charts.rendering import documents, one, render

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
    sources = {
        label
        for relabeling in monitor["spec"]["podMetricsEndpoints"][0]["relabelings"]
        for label in relabeling["sourceLabels"]
    }
    told = {
        "__meta_kubernetes_pod_label_" + name.replace(".", "_").replace("/", "_").replace("-", "_")
        for name in naming.object_labels("iris", "stable")
    }
    assert sources <= told


def test_model_pods_are_scraped_in_the_namespaces_that_the_operator_watches():
    def where(*arguments: str):
        objects = documents(render("davit-operator", "davit", "--set", ALL, *arguments))
        return one(objects, "PodMonitor", "davit-operator-models")["spec"]["namespaceSelector"]

    assert where() == {"any": True}
    assert where("--set", "watchNamespaces={team-a}") == {"matchNames": ["team-a"]}
