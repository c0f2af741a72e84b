"""Lookups: asked once per interval, however many want to know."""

import asyncio
from datetime import timedelta

import pytest
from davit_operator.domain.errors import ModelRejected
from davit_operator.models.lookups import Recent
from support.outside import FakeClock

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


async def test_an_answer_counts_for_an_interval():
    clock, ask = FakeClock(), Question()
    recent = Recent(clock, INTERVAL)
    assert [await recent.get("a", ask), await recent.get("a", ask)] == [1, 1]
    clock.advance(31)
    assert await recent.get("a", ask) == 2


async def test_whoever_asks_at_the_same_time_shares_the_answer():
    ask, recent = Question(), Recent(FakeClock(), INTERVAL)
    assert await asyncio.gather(*(recent.get("a", ask) for _ in range(5))) == [1] * 5


async def test_a_refusal_is_an_answer_too():
    ask, recent = Question(ModelRejected("AliasNotFound", "no such alias")), Recent(FakeClock(), INTERVAL)
    for _ in range(3):
        with pytest.raises(ModelRejected):
            await recent.get("a", ask)
    assert ask.times == 1


async def test_an_older_answer_does_not_count_where_a_fresh_one_is_wanted():
    clock, ask = FakeClock(), Question()
    recent = Recent(clock, INTERVAL)
    await recent.get("a", ask)
    clock.advance(1)
    assert await recent.get("a", ask, since=clock.now()) == 2


async def test_an_answer_is_as_old_as_its_question():
    clock = FakeClock()
    recent = Recent(clock, INTERVAL)
    told = []

    async def slowly():
        told.append(clock.now())
        clock.advance(1)  # the alias moves here: the answer does not know it yet
        return len(told)

    await recent.get("a", slowly)
    assert await recent.get("a", slowly, since=clock.now()) == 2


async def test_a_bug_is_no_answer():
    ask, recent = Question(ZeroDivisionError()), Recent(FakeClock(), INTERVAL)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await recent.get("a", ask)
    assert ask.times == 2


async def test_what_nobody_can_use_any_more_is_forgotten():
    clock, ask = FakeClock(), Question()
    recent = Recent(clock, INTERVAL)
    await recent.get("a", ask)
    recent.forget_old()
    assert recent._answers
    clock.advance(31)
    recent.forget_old()
    assert not recent._answers
    assert not recent._locks
