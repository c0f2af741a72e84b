"""Servers come and go under a client that never stops writing, and every value is there afterwards.

The client is MLflow's own with its default retries: a server that dies in the middle of an answer leaves the client
without one, so what is promised is that asking again is enough and that nothing acknowledged is lost.
"""

import json
import socket
import sys

import pytest
from support.cluster.fixtures import fresh_namespace
from support.cluster.live import Place
from support.stack.release import StackRelease
from support.stack.steady_client import SteadyClient, differences, written

from devcluster.commands import CommandFailed
from examples.demo.waiting import until

# What the kernel does with a process that wants too much memory: no time to say goodbye to anybody.
CRASH = """
import os
for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
    if pid not in (1, os.getpid()):
        os.kill(pid, 9)
"""


@pytest.fixture(scope="module")
def place(kubectl):
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="module")
def stack(helm, place: Place, loaded) -> StackRelease:
    release = StackRelease(helm, place, loaded[1])
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


def talks_to(stack: StackRelease, client: SteadyClient) -> str:
    """The server that has the client's connection; the kernel writes addresses backwards."""
    address = socket.inet_aton(client.address)[::-1].hex().upper()
    peers = "import pathlib; print(pathlib.Path('/proc/net/tcp').read_text())"

    def look() -> str | None:
        for name in (pod["metadata"]["name"] for pod in stack.server_pods()):
            if f" {address}:" in stack.place.execute(name, "python", "-c", peers, container="mlflow"):
                return name
        return None

    return until(look, "a server that the client talks to", seconds=60)


@pytest.fixture
def check_nothing_is_lost(stack: StackRelease, request: pytest.FixtureRequest):
    """Compares, tells how much was compared, and returns the client's report."""
    capture = request.config.pluginmanager.get_plugin("capturemanager")

    def check(client: SteadyClient) -> dict:
        report = client.finish()
        with capture.global_and_fixture_disabled():
            again = f"asked again {report['retries']} times, {report['broken']} answers broke off"
            sys.stderr.write(f"\n{report['steps']} steps written, {again}\n")
        with stack.url() as url:
            assert differences(report["steps"], written(url, report["run"])) == []
        return report

    return check


def test_a_rolling_restart_loses_no_write(stack: StackRelease, check_nothing_is_lost):
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
    assert check_nothing_is_lost(client)["broken"] == 0, "who is told to stop finishes its answers"


def test_crashing_servers_lose_no_acknowledged_write(stack: StackRelease, check_nothing_is_lost):
    client = SteadyClient(stack.place, "crashing")
    client.start()
    for _ in range(2):
        victim = talks_to(stack, client)
        restarts = count_restarts(stack, victim)
        stack.place.execute(victim, "python", "-c", CRASH, container="mlflow")
        client.go_on(30)
        until(lambda: count_restarts(stack, victim) > restarts, "the server to restart", seconds=60)  # noqa: B023
        until(lambda: both_answer(stack), "both servers to answer", seconds=240)
    report = check_nothing_is_lost(client)
    assert report["retries"] + report["broken"] > 0, "connections broke, and nobody asked again"


def count_restarts(stack: StackRelease, pod: str) -> int:
    found: int = stack.place.get("pod", pod)["status"]["containerStatuses"][0]["restartCount"]
    return found


def test_a_drained_node_takes_one_server_at_a_time(stack: StackRelease):
    until(lambda: both_answer(stack), "both servers to answer", seconds=240)
    first, second = (pod["metadata"]["name"] for pod in stack.server_pods())
    evict(stack, first)
    with pytest.raises(CommandFailed, match="disruption budget"):
        evict(stack, second)
    until(lambda: both_answer(stack), "both servers to answer", seconds=240)


def test_an_autoscaler_takes_over_without_stopping_a_server(stack: StackRelease):
    before = {pod["metadata"]["name"] for pod in stack.server_pods()}
    stack.install(autoscaling__enabled=True, autoscaling__minReplicas=2)

    def measures() -> bool:
        status = stack.place.get("horizontalpodautoscaler", "mlflow").get("status", {})
        holds = {one["type"] for one in status.get("conditions", []) if one["status"] == "True"}
        return {"AbleToScale", "ScalingActive"} <= holds and status["currentReplicas"] == 2

    until(measures, "the autoscaler to have measured two servers", seconds=180)
    assert before <= {pod["metadata"]["name"] for pod in stack.server_pods()}
    assert stack.place.get("poddisruptionbudget", "mlflow")["status"]["disruptionsAllowed"] == 1
