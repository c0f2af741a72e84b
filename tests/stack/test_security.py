"""The whole path with all security features: users, certificates of a private CA, restricted pods, network policies.

The network of the development cluster does not enforce NetworkPolicies: here the API server takes them, and what they
mean is in tests/charts/test_network_policies.py.
"""

import secrets
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

import pytest
from support.cluster.fixtures import fresh_namespace
from support.stack.mlflow_rest import Mlflow
from support.stack.notes_commands import register_models
from support.stack.release import CONNECTION, WALLS, StackRelease

from examples.demo.waiting import until

MADE = ["mlflow-postgresql", "mlflow-versitygw", "mlflow-auth", "mlflow-tls", "mlflow-webhooks"]


@pytest.fixture(scope="module")
def place(kubectl):
    with fresh_namespace(kubectl) as made:
        kubectl("label", "namespace", made.namespace, "pod-security.kubernetes.io/enforce=restricted")
        yield made


@pytest.fixture(scope="module")
def stack(place, helm, loaded, definition):
    made = StackRelease(helm, place, loaded[1], {**WALLS, "networkPolicy.enabled": True})
    made.install()
    made.install_operator()
    return made


@pytest.fixture(scope="module")
def models(stack) -> list[dict[str, str]]:
    """Registered by a client that knows what the commands in the chart's notes tell it."""
    return register_models(stack)


def move(stack, model: dict[str, str]) -> None:
    with stack.mlflow() as mlflow:
        mlflow.move_alias("champion", model["version"])


def test_mlflow_requires_a_login(stack):
    with stack.mlflow() as mlflow:
        assert mlflow.status("/api/2.0/mlflow/experiments/get?experiment_id=0") == 200
        stranger = Mlflow(mlflow.url, authorities=mlflow.authorities)
        assert stranger.status("/api/2.0/mlflow/experiments/get?experiment_id=0") == 401
        assert stranger.status("/metrics") == 401
        assert stranger.status("/health") == 200


def test_mlflow_rejects_unencrypted_connections(stack):
    with stack.mlflow() as mlflow, pytest.raises((urllib.error.URLError, OSError)):
        Mlflow(mlflow.url.replace("https", "http", 1)).status("/health")


def test_helm_test_passes_with_users_and_tls(stack):
    stack.test()


@pytest.fixture(scope="module")
def reader(stack) -> str:
    """A Secret with a user for the pods that serve, who may only read; made as the chart's README says."""
    user = {"username": "davit-pods", "password": secrets.token_urlsafe()}
    with stack.mlflow() as mlflow:
        mlflow.call("POST", "mlflow/users/create", user)
    words = [f"--from-literal={key}={value}" for key, value in user.items()]
    stack.place.run("create", "secret", "generic", "mlflow-reader", *words)
    return "mlflow-reader"


def test_a_read_only_user_cannot_write_or_register_webhooks(stack, models, reader):
    experiments = "mlflow/experiments/search?max_results=1"
    with stack.mlflow() as mlflow:
        asked = replace(mlflow, **stack.secret(reader))
        assert asked.call("GET", experiments)
        for path in ("mlflow/webhooks", "mlflow/users/get?username=admin"):
            assert asked.status(f"/api/2.0/{path}") == 403, path
        with pytest.raises(urllib.error.HTTPError, match="403"):
            asked.move_alias("champion", models[0]["version"])


def test_a_model_is_served_over_tls_by_restricted_pods(stack, models, reader):
    move(stack, models[0])
    uri = "models:/iris@champion"
    stack.place.deploy("iris", uri, model={"uri": uri, "registry": {"secretName": reader}})
    stack.place.wait_ready("iris", models[0]["version"])
    assert stack.place.ask("iris").predictions == [0, 1, 2]


def presign(stack, model: dict[str, str]) -> SplitResult:
    """A URL of the store with which anybody may read one file, for a while."""
    artifact = model["location"].removeprefix("mlflow-artifacts:/") + "/MLmodel"
    with stack.mlflow() as mlflow:
        return urlsplit(mlflow.call("GET", f"mlflow-artifacts/presigned/{artifact}")["url"])


@contextmanager
def store(stack, host: str) -> Iterator[Mlflow]:
    """The store, while the block runs, asked without credentials by the name that signatures are for."""
    authorities = stack.secret(CONNECTION)["DAVIT_CA_CERTIFICATES"]
    with stack.place.kubectl.forward(stack.place.namespace, "svc/mlflow-versitygw", 7070) as url:
        yield Mlflow(url.replace("http", "https", 1), authorities=authorities, host=host)


def test_the_store_denies_anonymous_reads(stack, models):
    signed = presign(stack, models[0])
    with store(stack, signed.netloc) as asked:
        assert asked.status(f"{signed.path}?{signed.query}") == 200, "there is something to read"
        for path in ("/", "/mlflow", "/mlflow?list-type=2", signed.path):
            assert asked.status(path) == 403, path


def test_an_upgrade_alone_changes_no_secret(stack):
    before = {name: stack.secret(name) for name in MADE}
    stack.install()
    assert {name: stack.secret(name) for name in MADE} == before


@dataclass(frozen=True)
class Before:
    """What opened doors before the rotation."""

    secrets: dict[str, dict[str, str]]
    signed: SplitResult


@pytest.fixture(scope="module")
def before(stack, models) -> Before:
    """Every secret has been replaced; this is what they were."""
    found = Before({name: stack.secret(name) for name in MADE}, presign(stack, models[0]))
    # The operator first: its webhook goes with it, encrypted with a key that will be gone.
    stack.place.run("scale", "deployment/davit-operator", "--replicas=0")
    with stack.mlflow() as mlflow:
        until(lambda: not mlflow.webhooks(), "the end of the webhook", seconds=60)
    stack.place.run("delete", "secret", *MADE)
    stack.install()
    stack.place.run("scale", "deployment/davit-operator", "--replicas=1")
    return found


def test_every_secret_can_be_rotated(stack, before):
    same = {"username"}
    after = {name: stack.secret(name) for name in MADE}
    unchanged = [
        f"{name} {key}"
        for name in MADE
        for key in after[name].keys() - same
        if after[name][key] == before.secrets[name][key]
    ]
    assert not unchanged


def test_rotated_secrets_no_longer_work(stack, before):
    own = "/api/2.0/mlflow/registered-models/get?name=iris"
    with stack.mlflow() as mlflow:
        assert mlflow.status(own) == 200, "nothing is lost"
        login = before.secrets["mlflow-auth"]
        assert replace(mlflow, password=login["password"]).status(own) == 401
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            replace(mlflow, authorities=before.secrets["mlflow-tls"]["ca.crt"]).status(own)
    with store(stack, before.signed.netloc) as asked:
        # The bundled store says of a key that is gone that there is no such user.
        assert asked.status(f"{before.signed.path}?{before.signed.query}") in {403, 404}
    assert not database_opens(stack, before.secrets["mlflow-postgresql"]["password"])
    assert database_opens(stack, stack.secret("mlflow-postgresql")["password"])


def test_models_are_served_and_followed_after_the_rotation(stack, models, before):
    with stack.mlflow() as mlflow:
        until(mlflow.webhooks, "the operator's webhook in MLflow", seconds=120)
    move(stack, models[1])
    # The operator polls every five minutes: what comes sooner comes by the webhook.
    stack.place.wait_ready("iris", models[1]["version"])
    assert stack.place.ask("iris").predictions == [2, 1, 0]


def database_opens(stack, password: str) -> bool:
    """Whether the database lets MLflow's user in with a password; it travels by standard input."""
    login = "psql --host=mlflow-postgresql --username=mlflow mlflow --command='SELECT 1' > /dev/null 2>&1"
    script = f"read -r PGPASSWORD; export PGPASSWORD; {login} && echo open || echo shut"
    pod = ("exec", "--stdin", "--namespace", stack.place.namespace, "mlflow-postgresql-0")
    return stack.place.kubectl(*pod, "--", "sh", "-c", script, text=f"{password}\n").strip() == "open"
