"""The queue: one look at a time for a key, bursts count once, no cause is lost."""

import asyncio

from davit_operator.engine.queue import WorkQueue
from davit_resource.constants import KIND
from davit_resource.objects import Ref

A, B = Ref(KIND, "demo", "a"), Ref(KIND, "demo", "b")


class FakeTimers:
    """Timers that a test fires."""

    def __init__(self):
        self.waiting = []

    def call_later(self, seconds, callback):
        timer = FakeTimer(seconds, callback)
        self.waiting.append(timer)
        return timer

    def fire(self):
        due, self.waiting = [timer for timer in self.waiting if not timer.cancelled], []
        for timer in due:
            timer.callback()
        return [timer.seconds for timer in due]


class FakeTimer:
    def __init__(self, seconds, callback):
        self.seconds, self.callback, self.cancelled = seconds, callback, False

    def cancel(self):
        self.cancelled = True


def make_queue():
    timers = FakeTimers()
    return WorkQueue(timers.call_later), timers


async def test_a_burst_of_causes_is_one_reconciliation():
    queue, _ = make_queue()
    for _ in range(5):
        queue.add(A)
    assert await queue.get() == A
    assert len(queue) == 0


async def test_a_cause_during_a_reconciliation_is_queued_after_it():
    queue, _ = make_queue()
    queue.add(A)
    await queue.get()
    queue.add(A)
    queue.add(B)
    assert await queue.get() == B  # not A: it is being worked on
    queue.done(A)
    assert await queue.get() == A


async def test_a_resource_is_never_handed_out_twice_at_once():
    queue, _ = make_queue()
    queue.add(A)
    await queue.get()
    queue.add(A)
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(A)
    assert await waiting == A


async def test_an_earlier_cause_replaces_a_later_one():
    queue, timers = make_queue()
    queue.add_after(A, 30)
    queue.add(A)
    await queue.get()
    queue.done(A)
    assert timers.fire() == []


async def test_a_delayed_resource_is_queued_after_the_delay():
    queue, timers = make_queue()
    queue.add_after(A, 30)
    assert len(queue) == 0
    assert timers.fire() == [30]
    assert await queue.get() == A


async def test_backoff_doubles_up_to_a_minute_and_resets_on_success():
    queue, timers = make_queue()
    seconds = []
    for _ in range(8):
        queue.add_with_back_off(A)
        seconds += timers.fire()
    assert seconds == [1, 2, 4, 8, 16, 32, 60, 60]
    queue.reset_back_off(A)
    queue.add_with_back_off(A)
    assert timers.fire() == [1]


async def test_the_event_loop_schedules_delays_by_default():
    queue = WorkQueue()
    queue.add_after(A, 0)
    assert await asyncio.wait_for(queue.get(), 5) == A
