"""How many calls of a model run side by side."""

import pytest
from davit_server.inference.concurrency import Concurrency
from hypothesis import given
from hypothesis import strategies as st

SHARES = st.lists(st.floats(0, 4), max_size=50)


def level_after(shares, **options) -> int:
    concurrency = Concurrency(**({"limit": 32} | options))
    for share in shares:
        concurrency.observe(share * 0.01, 0.01)
    return concurrency.level


def test_a_waiting_model_soon_gets_the_maximum_of_concurrent_calls():
    assert level_after([0.01] * 5) == 32


def test_a_model_that_computes_keeps_one_call_at_a_time():
    assert level_after([1.0] * 50) == 1


def test_a_model_that_starts_computing_gets_fewer_calls():
    assert level_after([0.01] * 5 + [1.0] * 5) == 1


def test_between_the_thresholds_the_level_is_kept():
    assert level_after([0.01] * 3 + [0.8] * 50) == 8


@pytest.mark.parametrize(("processors", "expected"), [(0.5, 1), (2.0, 32)])
def test_a_throttled_process_counts_as_busy(processors, expected):
    assert level_after([0.5] * 5, processors=processors) == expected


@given(SHARES, st.integers(1, 100))
def test_the_level_stays_within_one_and_the_limit(shares, limit):
    assert 1 <= level_after(shares, limit=limit) <= limit
