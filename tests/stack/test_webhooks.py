"""Aliases reach the operator by MLflow's webhook; polling makes up for those that are lost.

The operator polls every five minutes here, so that what happens sooner was the webhook's doing.
"""

import json
import re
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import replace

import pytest
from davit_operator.domain.webhook import Delivery
from davit_operator.models.delivery import sign
from support.cluster.fixtures import fresh_namespace
from support.cluster.live import is_current
from support.stack.notes_commands import register_models
from support.stack.release import CONNECTION, StackRelease

from examples.demo.waiting import until

MOVES = 6


@pytest.fixture(scope="module")
def place(kubectl):
    with fresh_namespace(kubectl) as made:
        yield made


@pytest.fixture(scope="module")
def stack(place, helm, loaded, definition):
    made = StackRelease(helm, place, loaded[1])
    made.install()
    made.install_operator()
    return made


@pytest.fixture(scope="module")
def versions(stack) -> list[str]:
    """Of a model that the operator hears about."""
    made = [model["version"] for model in register_models(stack)]
    wait_for_webhook(stack)

    def heard() -> int:
        with stack.mlflow() as mlflow:
            mlflow.move_alias("rehearsal", made[0])
        return count(stack, "accepted")

    # MLflow keeps its list of webhooks for two seconds: a new one is deaf for so long.
    until(heard, "the first delivery", seconds=30, hint=lambda: metrics(stack))
    return made


def target(stack, name: str) -> str:
    """The version that a deployment turns to."""
    found = stack.place.deployment(name)
    model = found.get("status", {}).get("model", {}) if is_current(found) else {}
    return str(model.get("target", {}).get("version", ""))


def wait_for_target(stack, name: str, version: str) -> None:
    """Until a deployment turns to a version, long before the next poll."""
    until(
        lambda: target(stack, name) == version,
        f"{name} to turn to version {version}",
        seconds=100,
        every=0.1,
        hint=lambda: stack.place.story(name),
    )


def wait_for_webhook(stack) -> None:
    with stack.mlflow() as mlflow:
        until(mlflow.webhooks, "the operator's webhook in MLflow", seconds=60)


def test_a_moved_alias_changes_the_deployment_immediately(stack, versions, request):
    took = []
    with stack.mlflow() as mlflow:
        mlflow.move_alias("champion", versions[0])
        stack.place.deploy("iris", "models:/iris@champion", replicas=0)
        wait_for_target(stack, "iris", versions[0])
        for move in range(1, MOVES + 1):
            version = versions[move % 2]
            began = time.monotonic()
            mlflow.move_alias("champion", version)
            wait_for_target(stack, "iris", version)
            took.append(round(time.monotonic() - began, 1))
        mlflow.move_alias("champion", versions[1])
        wait_for_target(stack, "iris", versions[1])
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        sys.stderr.write(f"\nSeconds from an alias's move to the operator's reaction: {took}\n")


def test_a_deployment_without_its_alias_serves_as_soon_as_the_alias_is_set(stack, versions):
    stack.place.deploy("waiting", "models:/iris@not-yet", replicas=0)
    stack.place.wait_condition("waiting", "ModelResolved", "False", "not-yet")
    with stack.mlflow() as mlflow:
        mlflow.move_alias("not-yet", versions[0])
        wait_for_target(stack, "waiting", versions[0])


def test_forged_and_repeated_deliveries_are_rejected_and_valid_ones_are_only_hints(stack, versions):
    secret = stack.secret(CONNECTION)["DAVIT_WEBHOOK_SECRET"]
    news = {"name": "iris", "alias": "champion", "version": versions[0]}
    body = json.dumps({"entity": "model_version_alias", "action": "created", "data": news}).encode()
    plain = Delivery(str(uuid.uuid4()), str(int(time.time())), "", body)
    true = replace(plain, signature=sign(secret, plain))
    late = replace(plain, timestamp=str(int(time.time()) - 3600))
    before = {outcome: count(stack, outcome) for outcome in ("accepted", "forged", "stale", "replayed")}
    with stack.place.kubectl.forward(stack.place.namespace, "svc/davit-operator", 8081) as url:
        assert deliver(url, replace(true, signature=sign("guessed", plain))) == 403
        assert deliver(url, replace(late, signature=sign(secret, late))) == 403
        assert deliver(url, true) == 200
        assert deliver(url, true) == 403
    after = {outcome: count(stack, outcome) - before[outcome] for outcome in before}
    assert after == {"accepted": 1, "forged": 1, "stale": 1, "replayed": 1}
    found = stack.place.deployment("iris")
    assert found["status"]["model"]["target"]["version"] == versions[1], (
        "the registry was believed, not the news"
    )


def test_polling_makes_up_for_lost_deliveries(stack, versions):
    nowhere = "http://nobody.invalid:8081/mlflow"
    stack.install_operator(webhook__url=nowhere, resolveIntervalSeconds=5)
    wait_for_webhook(stack)
    with stack.mlflow() as mlflow:
        mlflow.move_alias("champion", versions[0])
        wait_for_target(stack, "iris", versions[0])
    assert count(stack, "accepted") == 0


def test_uninstalling_the_operator_removes_the_webhook(stack):
    wait_for_webhook(stack)
    stack.uninstall_operator()
    with stack.mlflow() as mlflow:
        until(lambda: not mlflow.webhooks(), "the end of the webhook", seconds=60)


def deliver(url: str, delivery: Delivery) -> int:
    """The status of the answer; there is never more than that."""
    headers = {
        "X-MLflow-Delivery-Id": delivery.id,
        "X-MLflow-Timestamp": delivery.timestamp,
        "X-MLflow-Signature": delivery.signature,
    }
    request = urllib.request.Request(f"{url}/mlflow", delivery.body, headers)
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        assert answer.read() == b""
        return int(answer.status)


def metrics(stack) -> str:
    """What the operator counted."""
    with (
        stack.place.kubectl.forward(stack.place.namespace, "svc/davit-operator", 8080) as url,
        urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer,
    ):
        return str(answer.read().decode())


def count(stack, outcome: str) -> int:
    """How many requests to the receiver had this outcome."""
    [value] = re.findall(rf'received_total{{outcome="{outcome}"}} ([0-9.]+)', metrics(stack))
    return int(float(value))
