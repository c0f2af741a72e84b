"""What the parts of the platform really tell Prometheus: the name of each metric, with its labels.

Davit's own come from its code; MLflow's from a recorded scrape; those of kube-state-metrics from its
documentation, as its Go module has it; the kubelet's from Kubernetes' source.
"""

import re
import subprocess
from functools import cache
from pathlib import Path

from davit_operator.adapters.metrics import PrometheusMetrics
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from davit_server.telemetry.metrics import Metrics
from prometheus_client.parser import text_string_to_metric_families
from support.golden import INPUT
from support.schemas.custom_resources import module_folder

Labels = dict[str, set[str]]

MLFLOW = INPUT / "metrics/mlflow-3.17.2.txt"
# What Prometheus itself adds to every series that it reads, as the monitors of the charts have it.
TARGET = {"namespace", "job", "service", "pod", "container", "instance", "endpoint", "deployment", "track"}
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
    """With every counter counted once."""
    metrics = PrometheusMetrics()
    metrics.reconciled("Ready", 0.1)
    metrics.failed("AliasNotFound")
    metrics.resolved("Resolved", 0.1)
    metrics.ready(Ref(KIND, "demo", "iris"), ready=True)
    return parsed(metrics.render().decode())


def server() -> Labels:
    """Of a model that is loaded."""
    metrics = Metrics()
    metrics.facts["ready"] = 1
    return parsed(metrics.exposition().decode())


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
