"""The registry and the store may be away: what serves, serves."""

from support.cluster.live import Place
from support.stack.installed import stopped

from examples.demo.serving import condition

RATE = 20


def test_a_minute_without_registry_and_store_changes_nothing(place: Place, kubectl, models):
    version = models["plain"]["version"]
    place.deploy("calm", f"models:/e2e-iris/{version}")
    place.wait_ready("calm", version)
    pods = place.pod_names("calm")
    with place.load("calm", rate=RATE) as traffic:
        with stopped(kubectl):
            place.wait_condition("calm", "ModelResolved", "Unknown")
            before = traffic.summary()["answered"]
            traffic.wait_for(before + 60 * RATE)  # a minute, counted in answers
            found = place.deployment("calm")
        place.wait_condition("calm", "ModelResolved", "True")
        counts = traffic.stop()
    assert condition(found, "Ready")["status"] == "True"
    assert condition(found, "Available")["status"] == "True"
    assert counts["failed"] == 0, counts
    assert place.pod_names("calm") == pods
