"""The operator may be killed at any moment, and may meet other writers."""

import json
import re

from support.cluster.live import Place
from support.stack.installed import operator_metrics

from examples.demo.kubectl import Kubectl
from examples.demo.registry import move_alias
from examples.demo.stage import NAMESPACE
from examples.demo.waiting import until

MODEL = "e2e-iris"
OPERATOR = ("--selector", "app.kubernetes.io/name=davit-operator", "--namespace", NAMESPACE)


def start(place: Place, mlflow: str, version: int, name: str) -> None:
    move_alias(mlflow, MODEL, place.namespace, version)
    place.deploy(name, f"models:/{MODEL}@{place.namespace}")
    place.wait_ready(name, version)


def wait_for_surge(place: Place, name: str, before: set[str]) -> None:
    """A rollout has begun: there is a pod that was not there before."""
    until(lambda: place.pod_names(name) - before, "a new pod", seconds=60, every=0.2)


def test_an_operator_killed_during_a_rollout_finishes_it_with_zero_failed_requests(
    place: Place, kubectl, mlflow, models
):
    first, second = models["plain"]["version"], models["turned"]["version"]
    start(place, mlflow, first, "rolling")
    before = place.pod_names("rolling")
    with place.load("rolling") as traffic:
        move_alias(mlflow, MODEL, place.namespace, second)
        wait_for_surge(place, "rolling", before)
        kubectl("delete", "pod", *OPERATOR, "--grace-period=0", "--force")
        place.wait_ready("rolling", second)
        traffic.wait_for(40, version=str(second))
        counts = traffic.stop()
    assert counts["failed"] == 0, counts
    assert not place.pod_names("rolling") & before


def test_a_conflicting_writer_neither_stops_the_operator_nor_wins(
    place: Place, kubectl: Kubectl, mlflow, models
):
    first, second = models["plain"]["version"], models["turned"]["version"]
    start(place, mlflow, first, "disputed")
    bugs = internal_errors(kubectl)
    move_alias(mlflow, MODEL, place.namespace, second)
    for turn in range(15):
        place.run("annotate", "modeldeployment", "disputed", f"example.com/turn={turn}", "--overwrite")
        rival = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "disputed", "namespace": place.namespace},
            "spec": {"replicas": 2, "minReadySeconds": turn},
        }
        arguments = ["apply", "--server-side", "--force-conflicts", "--field-manager=rival", "-f", "-"]
        kubectl(*arguments, text=json.dumps(rival))
    place.wait_ready("disputed", second)
    spec = place.get("deploy", "disputed")["spec"]
    assert spec["replicas"] == 1
    assert place.ask("disputed").version == str(second)
    assert internal_errors(kubectl) == bugs


def internal_errors(kubectl: Kubectl) -> float:
    """How often the operator had an internal error."""
    pattern = r'^davit_operator_errors_total\{reason="InternalError"\} (\S+)$'
    return sum(float(count) for count in re.findall(pattern, operator_metrics(kubectl), re.MULTILINE))
