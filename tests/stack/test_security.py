"""The whole path with every wall up: users, certificates of a private authority, restricted pods, network policies.

The network of the development cluster does not enforce NetworkPolicies: that they let everything needed pass is not
shown here, only that the API server takes them.
"""

import urllib.error
import urllib.request

import pytest
from support.installed_stack import CONNECTION, InstalledStack, Mlflow
from support.live import is_current
from support.live_cluster import fresh_namespace

from examples.demo.waiting import until

MADE = ["mlflow-postgresql", "mlflow-versitygw", "mlflow-auth", "mlflow-tls", "mlflow-webhooks"]
WALLS = {"auth.enabled": True, "tls.enabled": True, "networkPolicy.enabled": True}


@pytest.fixture(scope="module")
def stack(kubectl, helm, loaded, definition):
    with fresh_namespace(kubectl) as place:
        kubectl("label", "namespace", place.namespace, "pod-security.kubernetes.io/enforce=restricted")
        made = InstalledStack(place, helm, loaded[1], WALLS)
        made.install()
        made.install_operator()
        yield made
        made.uninstall()


@pytest.fixture(scope="module")
def models(stack) -> list[dict[str, str]]:
    return stack.register_models()


def move(stack, model: dict[str, str]) -> None:
    with stack.mlflow() as mlflow:
        mlflow.move_alias("champion", model["version"])


def store(stack, path: str) -> int:
    """The status of the store's answer to somebody without credentials."""
    authorities = stack.secret(CONNECTION)["DAVIT_CA_CERTIFICATES"]
    with stack.place.kubectl.forward(stack.place.namespace, "svc/mlflow-versitygw", 7070) as url:
        return Mlflow(url.replace("http", "https", 1), authorities=authorities).status(path)


def test_mlflow_asks_who_is_there(stack):
    with stack.mlflow() as mlflow:
        assert mlflow.status("/api/2.0/mlflow/experiments/get?experiment_id=0") == 200
        stranger = Mlflow(mlflow.url, authorities=mlflow.authorities)
        assert stranger.status("/api/2.0/mlflow/experiments/get?experiment_id=0") == 401
        assert stranger.status("/metrics") == 401
        assert stranger.status("/health") == 200


def test_nobody_speaks_to_mlflow_unencrypted(stack):
    with stack.mlflow() as mlflow, pytest.raises((urllib.error.URLError, OSError)):
        Mlflow(mlflow.url.replace("https", "http", 1)).status("/health")


def test_helms_own_test_passes(stack):
    stack.test()


def test_a_model_is_served_over_tls_by_restricted_pods(stack, models):
    move(stack, models[0])
    stack.place.deploy(
        "iris",
        "models:/iris@champion",
        model={"uri": "models:/iris@champion", "registry": {"secretName": "mlflow-auth"}},
    )
    stack.place.wait_ready("iris", models[0]["version"])
    assert stack.place.ask("iris").predictions == [0, 1, 2]


def test_nothing_in_the_store_is_for_everybody(stack, models):
    artifact = models[0]["location"].removeprefix("mlflow-artifacts:/")
    destination = stack.secret(CONNECTION)["DAVIT_ARTIFACTS_DESTINATION"].removeprefix("s3://")
    for path in ("/", "/mlflow", "/mlflow?list-type=2", f"/{destination}/{artifact}/MLmodel"):
        assert store(stack, path) == 403, path


def test_every_secret_can_be_rotated_and_nothing_is_lost(stack, models):
    before = {name: stack.secret(name) for name in MADE}
    stack.install()
    assert {name: stack.secret(name) for name in MADE} == before, "an upgrade alone changes nothing"

    # The operator first: its webhook goes with it, encrypted with a key that will be gone.
    stack.place.run("scale", "deployment/davit-operator", "--replicas=0")
    with stack.mlflow() as mlflow:
        until(lambda: not mlflow.webhooks(), "the end of the webhook", seconds=60)
        old = Mlflow(mlflow.url, mlflow.username, mlflow.password)
    stack.place.run("delete", "secret", *MADE)
    stack.install()
    stack.place.run("scale", "deployment/davit-operator", "--replicas=1")

    after = {name: stack.secret(name) for name in MADE}
    same = {"username", "AWS_REGION"}
    assert not [
        key for name in MADE for key in after[name].keys() - same if after[name][key] == before[name][key]
    ]
    with stack.mlflow() as mlflow:
        assert mlflow.status("/api/2.0/mlflow/registered-models/get?name=iris") == 200
        stale = Mlflow(mlflow.url, old.username, old.password, mlflow.authorities)
        assert stale.status("/api/2.0/mlflow/registered-models/get?name=iris") == 401
        until(mlflow.webhooks, "the operator's webhook in MLflow", seconds=120)
    assert not database_opens(stack, before["mlflow-postgresql"]["password"])
    assert database_opens(stack, after["mlflow-postgresql"]["password"])


def test_models_are_served_and_followed_as_before(stack, models):
    move(stack, models[1])

    def turned(found) -> bool:
        target = found.get("status", {}).get("model", {}).get("target", {})
        return is_current(found) and target.get("version") == models[1]["version"]

    stack.place.wait_until("iris", turned, "turns to the other version", seconds=100)
    stack.place.wait_ready("iris", models[1]["version"])
    assert stack.place.ask("iris").predictions == [2, 1, 0]


def database_opens(stack, password: str) -> bool:
    """Whether the database lets MLflow's user in with a password; it travels by standard input."""
    script = (
        'read -r PGPASSWORD; export PGPASSWORD; psql --host=mlflow-postgresql --username=mlflow mlflow --command="SELECT 1" '
        "> /dev/null 2>&1 && echo open || echo shut"
    )
    said = stack.place.kubectl(
        *(
            "exec",
            "--stdin",
            "--namespace",
            stack.place.namespace,
            "mlflow-postgresql-0",
            "--",
            "sh",
            "-c",
            script,
        ),
        text=password + "\n",
    )
    return said.strip() == "open"
