"""Servers come and go under a client that never stops writing, and every value is there afterwards.

The client is MLflow's own with its default retries: a server that dies in the middle of an answer leaves the client
without one, so what is promised is that asking again is enough and that nothing acknowledged is lost.
"""

import json
import logging

import pytest
from support.live import Place
from support.live_cluster import fresh_namespace
from support.stack_release import StackRelease
from support.steady_client import SteadyClient, written
from support.steady_writer import ARTIFACT_EVERY

from devcluster.commands import CommandFailed
from examples.demo.waiting import until

logger = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def place(kubectl):
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="module")
def stack(helm, place: Place, loaded) -> StackRelease:
    release = StackRelease(helm, place)
    release.install(server__replicas=2)
    return release


def evict(stack: StackRelease, pod: str) -> None:
    path = f"/api/v1/namespaces/{stack.place.namespace}/pods/{pod}/eviction"
    metadata = {"name": pod, "namespace": stack.place.namespace}
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    stack.place.kubectl("create", "--raw", path, "-f", "-", text=json.dumps(body))


def both_answer(stack: StackRelease) -> bool:
    status = stack.place.get("deployment", "mlflow")["status"]
    return status.get("readyReplicas") == status.get("replicas") == 2


def check_nothing_is_lost(stack: StackRelease, client: SteadyClient) -> None:
    report = client.finish()
    logger.info("%d steps written, the client asked again %d times", report["steps"], report["retries"])
    with stack.url() as url:
        found = written(url, report["run"])
    steps = range(report["steps"])
    assert found["metrics"] == [(step, pytest.approx(1 / (step + 1))) for step in steps]
    assert found["artifacts"] == {f"{step}.txt" for step in steps if step % ARTIFACT_EVERY == 0}
    assert found["params"] == {f"param-{step}": str(step) for step in steps}


def test_a_rolling_restart_loses_no_write(stack: StackRelease):
    client = SteadyClient(stack.place, "restarted")
    before = {pod["metadata"]["name"] for pod in stack.server_pods()}
    client.start()
    stack.place.run("rollout", "restart", "deployment/mlflow")
    stack.place.kubectl(
        *("rollout", "status", "deployment/mlflow", "--timeout=240s", "--namespace", stack.place.namespace),
        timeout=250,
    )
    gone = lambda: not before & {pod["metadata"]["name"] for pod in stack.place.get("pods")["items"]}  # noqa: E731
    until(gone, "the servers of before to be gone", seconds=180)
    client.go_on(30)
    check_nothing_is_lost(stack, client)


def test_a_server_that_is_killed_loses_no_acknowledged_write(stack: StackRelease):
    client = SteadyClient(stack.place, "killed")
    client.start()
    victim = stack.server_pods()[0]["metadata"]["name"]
    stack.place.run("delete", "pod", victim, "--force", "--grace-period=0")
    client.go_on(30)
    until(lambda: both_answer(stack), "both servers to answer", seconds=240)
    check_nothing_is_lost(stack, client)


def test_a_drained_node_takes_one_server_at_a_time(stack: StackRelease):
    until(lambda: both_answer(stack), "both servers to answer", seconds=240)
    first, second = (pod["metadata"]["name"] for pod in stack.server_pods())
    evict(stack, first)
    with pytest.raises(CommandFailed, match="disruption budget"):
        evict(stack, second)
    until(lambda: both_answer(stack), "both servers to answer", seconds=240)
