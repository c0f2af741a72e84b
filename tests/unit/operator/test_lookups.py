"""Lookups: asked once per interval, however many want to know."""

import asyncio
from datetime import timedelta

import pytest
from davit_operator.domain.errors import ModelRejected
from davit_operator.models.lookups import Recent
from support.fakes.ports import FakeClock

INTERVAL = timedelta(seconds=30)


class Question:
    """Counts how often it was asked."""

    def __init__(self, error=None):
        self.times, self.error = 0, error

    async def __call__(self):
        self.times += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return self.times


async def test_a_result_is_cached_for_one_interval():
    clock, ask = FakeClock(), Question()
    recent = Recent(clock, INTERVAL)
    assert [await recent.get("a", ask), await recent.get("a", ask)] == [1, 1]
    clock.advance(31)
    assert await recent.get("a", ask) == 2


async def test_concurrent_lookups_share_one_request():
    ask, recent = Question(), Recent(FakeClock(), INTERVAL)
    assert await asyncio.gather(*(recent.get("a", ask) for _ in range(5))) == [1] * 5


async def test_an_error_is_cached_too():
    ask, recent = Question(ModelRejected("AliasNotFound", "no such alias")), Recent(FakeClock(), INTERVAL)
    for _ in range(3):
        with pytest.raises(ModelRejected):
            await recent.get("a", ask)
    assert ask.times == 1


async def test_a_cached_result_older_than_since_is_not_used():
    clock, ask = FakeClock(), Question()
    recent = Recent(clock, INTERVAL)
    await recent.get("a", ask)
    clock.advance(1)
    assert await recent.get("a", ask, since=clock.now()) == 2


async def test_the_age_of_a_result_counts_from_the_request():
    clock = FakeClock()
    recent = Recent(clock, INTERVAL)
    told = []

    async def slowly():
        told.append(clock.now())
        clock.advance(1)  # the alias moves here: the answer does not know it yet
        return len(told)

    await recent.get("a", slowly)
    assert await recent.get("a", slowly, since=clock.now()) == 2


async def test_an_unexpected_exception_is_not_cached():
    ask, recent = Question(ZeroDivisionError()), Recent(FakeClock(), INTERVAL)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await recent.get("a", ask)
    assert ask.times == 2


async def test_expired_results_are_dropped():
    clock, ask = FakeClock(), Question()
    recent = Recent(clock, INTERVAL)
    await recent.get("a", ask)
    recent.forget_old()
    assert recent._answers
    clock.advance(31)
    recent.forget_old()
    assert not recent._answers
    assert not recent._locks
