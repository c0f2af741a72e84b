"""`spec.suspend`: keep what serves, follow nothing, until told otherwise."""

from support.cluster.live import Place

from examples.demo.registry import move_alias

MODEL = "e2e-iris"


def test_a_suspended_deployment_follows_nothing_until_it_is_resumed(place: Place, mlflow: str, models):
    first, second = models["plain"]["version"], models["turned"]["version"]
    move_alias(mlflow, MODEL, place.namespace, first)
    place.deploy("asleep", f"models:/{MODEL}@{place.namespace}")
    place.deploy("awake", f"models:/{MODEL}@{place.namespace}", replicas=0)
    place.wait_ready("asleep", first)

    place.patch("asleep", suspend=True)
    place.wait_condition("asleep", "Ready", "True", "Suspended")
    pods = place.pod_names("asleep")
    move_alias(mlflow, MODEL, place.namespace, second)
    # The other one follows the same alias: once it knows, this one has had its chance too.
    place.wait_until(
        "awake", lambda md: md["status"]["model"]["target"]["version"] == str(second), "the alias has moved"
    )
    assert place.pod_names("asleep") == pods
    assert place.ask("asleep").version == str(first)

    place.patch("asleep", suspend=None)
    place.wait_ready("asleep", second)
    assert place.ask("asleep").version == str(second)
