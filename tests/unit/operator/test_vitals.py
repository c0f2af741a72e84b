"""Signs of life."""

from datetime import timedelta

from davit_operator.api.v1alpha1 import parse_resource
from davit_operator.reconcile.vitals import Vitals
from support.outside import FakeClock

PATIENCE = timedelta(minutes=3)


def listed(generation, uid="u"):
    return [
        parse_resource(
            {"metadata": {"namespace": "d", "name": "i", "uid": uid, "generation": generation}, "spec": {}}
        )
    ]


def test_a_silent_resync_is_an_ailment_after_a_while():
    clock = FakeClock()
    vitals = Vitals(clock.now(), PATIENCE)
    assert vitals.ailment(clock.now()) is None
    clock.advance(181)
    assert "resync has not gone round" in vitals.ailment(clock.now())
    vitals.beat(clock.now())
    assert vitals.ailment(clock.now()) is None


def test_ready_after_the_first_round():
    vitals = Vitals(FakeClock().now(), PATIENCE)
    assert not vitals.is_ready
    vitals.beat(FakeClock().now())
    assert vitals.is_ready


def test_a_watch_that_stays_behind_is_an_ailment():
    clock = FakeClock()
    vitals = Vitals(clock.now(), PATIENCE)
    vitals.saw("u", 1)
    for _ in range(3):
        vitals.listed(listed(2), clock.now())
        assert vitals.ailment(clock.now()) is None
        clock.advance(61)
        vitals.beat(clock.now())
    vitals.listed(listed(2), clock.now())
    assert "watch has brought nothing new" in vitals.ailment(clock.now())
    vitals.saw("u", 2)
    vitals.listed(listed(2), clock.now())
    assert vitals.ailment(clock.now()) is None


def test_an_object_that_came_after_the_listing_is_no_ailment():
    clock = FakeClock()
    vitals = Vitals(clock.now(), PATIENCE)
    vitals.saw("new", 1)
    vitals.listed([], clock.now())
    vitals.listed(listed(1, "new"), clock.now())
    clock.advance(170)
    vitals.beat(clock.now())
    clock.advance(170)
    assert vitals.ailment(clock.now()) is None
