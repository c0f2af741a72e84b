"""Jobs in the main thread, and what becomes of those that fail or come too late."""

import asyncio
import threading

import pytest
from davit_server.process.runners import MainThread, run_in_daemon


def in_event_loop_of_its_own(main: MainThread, job) -> tuple[threading.Thread, list]:
    """A thread that has a job run by the main thread, and then closes it."""
    outcome = []

    def live() -> None:
        try:
            outcome.append(asyncio.run(main.run(job)))
        except ValueError as failure:
            outcome.append(failure)
        outcome.append(main.close())

    thread = threading.Thread(target=live)
    thread.start()
    return thread, outcome


def test_a_job_runs_in_the_worker_thread_and_its_callback_follows():
    after = []
    main = MainThread(after_each=lambda: after.append(threading.get_ident()))
    thread, outcome = in_event_loop_of_its_own(main, threading.get_ident)
    main.work()
    thread.join()
    assert outcome[0] == threading.get_ident()
    assert after == [threading.get_ident()]


def test_an_exception_of_a_job_is_raised_where_it_is_awaited():
    main = MainThread(after_each=lambda: None)
    thread, outcome = in_event_loop_of_its_own(main, lambda: int("x"))
    main.work()
    thread.join()
    assert isinstance(outcome[0], ValueError)


def test_a_closed_runner_starts_no_job():
    main, ran = MainThread(after_each=lambda: None), []

    async def submit() -> None:
        task = asyncio.create_task(main.run(lambda: ran.append(1)))
        await asyncio.sleep(0)
        assert main.close() is False
        task.cancel()

    asyncio.run(submit())
    main.work()
    assert ran == []


def test_closing_says_whether_a_job_still_runs():
    main, answers = MainThread(after_each=lambda: None), []

    async def submit() -> None:
        await main.run(lambda: answers.append(main.close()))

    thread = threading.Thread(target=asyncio.run, args=(submit(),))
    thread.start()
    main.work()
    thread.join()
    assert answers == [True]


@pytest.mark.parametrize("failure", [ValueError, asyncio.InvalidStateError])
async def test_a_daemon_thread_passes_on_exceptions(failure):
    def job() -> None:
        raise failure

    with pytest.raises(failure):
        await run_in_daemon(job)
