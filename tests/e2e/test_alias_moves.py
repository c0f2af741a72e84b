"""The promise of the project: promote and roll back without losing a request."""

from support.cluster.live import Place

from examples.demo.registry import move_alias

MODEL = "e2e-iris"


def test_an_alias_moves_and_returns_under_load_with_zero_failed_requests(place: Place, mlflow: str, models):
    first, second = str(models["plain"]["version"]), str(models["turned"]["version"])
    move_alias(mlflow, MODEL, place.namespace, int(first))
    place.deploy("moving", f"models:/{MODEL}@{place.namespace}", replicas=2)
    place.wait_ready("moving", first)
    assert place.ask("moving").predictions == [0, 1, 2]

    with place.load("moving") as traffic:
        move_alias(mlflow, MODEL, place.namespace, int(second))
        place.wait_ready("moving", second)
        traffic.wait_for(100, version=second)
        assert place.ask("moving").predictions == [2, 1, 0]
        move_alias(mlflow, MODEL, place.namespace, int(first))
        place.wait_ready("moving", first)
        counts = traffic.stop()

    assert counts["failed"] == 0, counts
    assert counts["by_version"].keys() == {first, second}
    history = place.deployment("moving")["status"]["history"]
    assert [entry["version"] for entry in history] == [first, second, first]
