"""Running: all parts or none."""

import asyncio

import pytest
from davit_operator.handlers.operation import run_together


async def test_when_one_task_ends_all_are_cancelled():
    ended = []

    async def lasting():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("lasting")

    async def short():
        ended.append("short")

    await asyncio.wait_for(run_together(lasting(), short()), 5)
    assert sorted(ended) == ["lasting", "short"]


async def test_the_exception_of_a_task_is_raised():
    async def broken():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(run_together(asyncio.Event().wait(), broken()), 5)
