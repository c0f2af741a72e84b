"""What the parts of the platform really show Prometheus: the name of each metric, with its labels.

Davit's own come from its code; MLflow's from a recorded scrape; those of kube-state-metrics from its
documentation, as its Go module has it; the kubelet's from Kubernetes' source.
"""

import re
import subprocess
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from davit_operator.adapters.metrics import PrometheusMetrics
from davit_resource.conditions import Condition
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from davit_server.telemetry.metrics import Metrics, pod_labels
from davit_server.telemetry.table import MODEL_INFO, RECORDED
from prometheus_client.parser import text_string_to_metric_families
from support.golden import INPUT
from support.schemas.custom_resources import module_folder

Labels = dict[str, set[str]]

MLFLOW = INPUT / "metrics/mlflow-3.17.2.txt"
# What Prometheus itself adds to every series that it reads, as the monitors of the charts have it.
TARGET = {"namespace", "job", "service", "pod", "container", "instance", "endpoint"}
_KUBE_STATE_METRICS = "k8s.io/kube-state-metrics/v2@v2.15.0"
_CADVISOR = {"container_memory_working_set_bytes": {"namespace", "pod", "container"}}


def parsed(text: str) -> Labels:
    """The metrics of a scrape."""
    found: Labels = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def mlflow() -> Labels:
    """As recorded from a server that had answered some requests."""
    return parsed(MLFLOW.read_text())


def operator() -> Labels:
    """Of an operator that has a resource and has met a problem."""
    return parsed(_operator_text())


def server() -> Labels:
    """Of a pod whose model is loaded."""
    return parsed(_server_text())


def outcomes(metric: str) -> set[str]:
    """The values that the label `outcome` of a metric of ours can have."""
    return {
        sample.labels["outcome"]
        for text in (_operator_text(), _server_text())
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric
    }


def _operator_text() -> str:
    metrics = PrometheusMetrics()
    metrics.failed("AliasNotFound")
    ready = Condition(
        type="Ready", status="True", reason="Serving", message="", last_transition_time=datetime.now(UTC)
    )
    metrics.conditions(Ref(KIND, "demo", "iris"), [ready])
    return metrics.render().decode()


def _server_text() -> str:
    metrics = Metrics()
    metrics.labels = pod_labels(deployment="demo/iris", track="stable", model="iris", version="1")
    metrics.info = dict.fromkeys(MODEL_INFO.labels, "x")
    metrics.values = dict.fromkeys(RECORDED, 1.0)
    return metrics.exposition().decode()


@cache
def kube_state_metrics() -> Labels:
    """Rows like: kube_job_failed, Gauge, text, `job_name`=<..> `namespace`=<..>, STABLE."""
    found: Labels = {}
    for page in (module_folder(_KUBE_STATE_METRICS) / "docs/metrics").rglob("*.md"):
        for row in re.findall(r"^\| (kube_\w+) .*$", page.read_text(), flags=re.MULTILINE):
            found.setdefault(row, set())
        for line in page.read_text().splitlines():
            if line.startswith("| kube_"):
                found[line.split("|")[1].strip()].update(re.findall(r"`(\w+)`=", line))
    return found


@cache
def kubelet() -> Labels:
    """The kubelet's numbers about volumes, with the labels that its collector gives them, and cAdvisor's."""
    from devcluster.binaries.cache import MODULES

    where = ["go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/kubernetes"]
    found = subprocess.run(where, cwd=MODULES / "kubernetes", capture_output=True, text=True, check=True)
    source = Path(found.stdout.strip()) / "pkg/kubelet/metrics/metrics.go"
    names = re.findall(r'VolumeStats\w+Key\s*=\s*"(volume_stats_\w+)"', source.read_text())
    return {f"kubelet_{name}": {"namespace", "persistentvolumeclaim"} for name in names} | _CADVISOR


def everything() -> Labels:
    """All of them, with what Prometheus adds about each target."""
    own = [mlflow(), operator(), server(), kube_state_metrics(), kubelet(), {"up": set[str]()}]
    return {name: labels | TARGET for part in own for name, labels in part.items()}
