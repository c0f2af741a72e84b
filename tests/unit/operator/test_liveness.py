"""Signs of life."""

from datetime import timedelta

from davit_operator.engine.liveness import Liveness
from davit_resource.constants import KIND
from support.fakes.ports import FakeClock

PATIENCE = timedelta(minutes=3)


def listed(generation, uid="u"):
    return [{"metadata": {"namespace": "d", "name": "i", "uid": uid, "generation": generation}}]


def test_an_overdue_resync_is_unhealthy():
    clock = FakeClock()
    liveness = Liveness(clock.now(), PATIENCE)
    assert liveness.unhealthy_reason(clock.now()) is None
    clock.advance(181)
    assert "no resync has completed" in liveness.unhealthy_reason(clock.now())
    liveness.record_resync(clock.now())
    assert liveness.unhealthy_reason(clock.now()) is None


def test_the_operator_is_ready_after_the_first_resync():
    liveness = Liveness(FakeClock().now(), PATIENCE)
    assert not liveness.is_ready
    liveness.record_resync(FakeClock().now())
    assert liveness.is_ready


def test_a_lagging_watch_is_unhealthy():
    clock = FakeClock()
    liveness = Liveness(clock.now(), PATIENCE)
    liveness.record_event("u", 1)
    for _ in range(3):
        liveness.record_listing(KIND, listed(2), clock.now())
        assert liveness.unhealthy_reason(clock.now()) is None
        clock.advance(61)
        liveness.record_resync(clock.now())
    liveness.record_listing(KIND, listed(2), clock.now())
    assert "the watch of ModelDeployment has delivered no new event" in liveness.unhealthy_reason(clock.now())
    liveness.record_event("u", 2)
    liveness.record_listing(KIND, listed(2), clock.now())
    assert liveness.unhealthy_reason(clock.now()) is None


def test_an_object_that_came_after_the_listing_is_healthy():
    clock = FakeClock()
    liveness = Liveness(clock.now(), PATIENCE)
    liveness.record_event("new", 1)
    liveness.record_listing(KIND, [], clock.now())
    liveness.record_listing(KIND, listed(1, "new"), clock.now())
    clock.advance(170)
    liveness.record_resync(clock.now())
    clock.advance(170)
    assert liveness.unhealthy_reason(clock.now()) is None


def test_a_lagging_watch_is_unhealthy_although_another_kind_is_current():
    clock = FakeClock()
    liveness = Liveness(clock.now(), PATIENCE)
    for _ in range(5):
        liveness.record_listing(KIND, listed(2), clock.now())
        liveness.record_listing("Probe", [], clock.now())
        clock.advance(61)
        liveness.record_resync(clock.now())
    assert "the watch of ModelDeployment has" in liveness.unhealthy_reason(clock.now())
