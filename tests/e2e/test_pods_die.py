"""Pods come and go; the model keeps answering."""

from support.cluster.live import ROWS, Place

from examples.demo.waiting import until

URI = "models:/e2e-iris/{version}"


def test_a_deleted_pod_loses_no_request(place: Place, models):
    place.deploy("steady", URI.format(version=models["plain"]["version"]), replicas=2)
    place.wait_ready("steady")
    with place.load("steady") as traffic:
        before = place.pod_names("steady")
        victim = min(before)
        place.run("delete", "pod", victim, "--wait=true")
        place.wait_ready("steady")
        counts = traffic.stop()
    assert counts["failed"] == 0, counts
    assert counts["answered"] > 40
    assert len(place.pod_names("steady") - before) == 1


def test_a_killed_pod_loses_only_requests_in_flight(place: Place, models):
    place.deploy("steady", URI.format(version=models["plain"]["version"]), replicas=2)
    place.wait_ready("steady")
    with place.load("steady") as traffic:
        before = place.pod_names("steady")
        place.run("delete", "pod", min(before), "--grace-period=0", "--force")
        place.wait_ready("steady")
        answered = traffic.summary()["answered"]
        traffic.wait_for(answered + 100)
        counts = traffic.stop()
    # Eight connections: each can lose the request in flight, and one more before its new connection avoids
    # the dead pod. Nothing protects a request inside a process that is killed.
    assert counts["failed"] <= 16, counts
    assert len(place.pod_names("steady") - before) == 1
    assert len(place.ask("steady").predictions) == ROWS


def test_a_drifted_deployment_and_a_deleted_service_are_repaired(place: Place, models):
    place.deploy("steady", URI.format(version=models["plain"]["version"]))
    place.wait_ready("steady")
    image = place.get("deploy", "steady")["spec"]["template"]["spec"]["containers"][0]["image"]
    place.run("delete", "service", "steady")
    place.run("scale", "deploy", "steady", "--replicas=3")
    place.run("set", "image", "deploy/steady", "serve=davit.dev/somebody-elses:1")

    def repaired() -> bool:
        spec = place.get("deploy", "steady")["spec"]
        serve = spec["template"]["spec"]["containers"][0]
        return spec["replicas"] == 1 and serve["image"] == image

    until(repaired, "the Deployment to be as wanted", seconds=60)
    place.wait_ready("steady")
    assert place.ask("steady").status == 200
