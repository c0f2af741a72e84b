"""Who is waited for before a call, and for how long; a call takes ten milliseconds here and ended at second 100."""

import pytest
from davit_server.inference.gathering import NEXT_TURN, Gathering

TOOK = 0.010


@pytest.fixture
def gathering() -> Gathering:
    """After a call for sixteen."""
    found = Gathering()
    found.answered(16, TOOK, 100.0)
    found.begun()
    return found


def test_the_first_call_waits_for_no_request():
    assert Gathering().wait(1, 100.0) is None


def test_a_single_client_never_waits():
    gathering = Gathering()
    gathering.answered(1, TOOK, 100.0)
    assert gathering.wait(1, 100.001) is None


def test_short_calls_gather_no_requests():
    gathering = Gathering()
    gathering.answered(16, 0.0004, 100.0)
    assert gathering.wait(1, 100.0001) is None


def test_a_call_waits_while_more_requests_are_being_read(gathering: Gathering):
    assert gathering.wait(5, 100.001) == NEXT_TURN
    assert gathering.wait(16, 100.0012) == NEXT_TURN
    assert gathering.wait(17, 100.0014) == NEXT_TURN
    assert gathering.wait(17, 100.0016) is None


def test_expected_clients_are_awaited_for_a_fraction_of_a_calls_time(gathering: Gathering):
    assert gathering.wait(5, 100.004) == NEXT_TURN
    assert gathering.wait(5, 100.005) == pytest.approx(0.002)
    assert gathering.wait(5, 100.0071) is None


def test_a_slow_model_delays_requests_at_most_by_a_round_trip():
    gathering = Gathering()
    gathering.answered(16, 2.0, 100.0)
    assert gathering.wait(5, 100.1) == NEXT_TURN
    assert gathering.wait(5, 100.101) == pytest.approx(0.049)
    assert gathering.wait(5, 100.151) is None


def test_gathering_an_endless_stream_ends_after_five_milliseconds(gathering: Gathering):
    waits = [gathering.wait(16 + turn, 100.001 + turn / 1000) for turn in range(7)]
    assert waits[:5] == [NEXT_TURN] * 5
    assert waits[6] is None


def test_a_client_that_returns_late_is_not_expected(gathering: Gathering):
    assert gathering.wait(1, 100.0 + 3.1 * TOOK) is None
    assert gathering.wait(2, 100.0 + 3.1 * TOOK) is None


def test_the_wait_starts_again_for_each_call(gathering: Gathering):
    assert gathering.wait(16, 100.001) == NEXT_TURN
    assert gathering.wait(16, 100.002) is None
    gathering.begun()
    gathering.answered(16, TOOK, 100.012)
    assert gathering.wait(4, 100.013) == NEXT_TURN
