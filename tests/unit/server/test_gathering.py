"""How long a call waits for further requests; the last call took ten milliseconds here and ended at second 100."""

import pytest
from davit_server.inference.gathering import NEXT_TURN, Gathering

TOOK = 0.010


@pytest.fixture
def gathering() -> Gathering:
    """After a call for sixteen."""
    found = Gathering()
    found.call_ended(16, TOOK, 100.0)
    found.call_started()
    return found


def test_the_first_call_does_not_wait():
    assert Gathering().wait(1, 100.0) is None


def test_a_single_client_never_waits():
    gathering = Gathering()
    gathering.call_ended(1, TOOK, 100.0)
    assert gathering.wait(1, 100.001) is None


def test_short_calls_do_not_wait():
    gathering = Gathering()
    gathering.call_ended(16, 0.0004, 100.0)
    assert gathering.wait(1, 100.0001) is None


def test_while_more_requests_are_read_the_call_waits_even_beyond_the_expected_number(gathering: Gathering):
    assert gathering.wait(5, 100.001) == NEXT_TURN
    assert gathering.wait(16, 100.0012) == NEXT_TURN
    assert gathering.wait(17, 100.0014) == NEXT_TURN
    assert gathering.wait(17, 100.0016) is None


def test_a_call_waits_for_missing_requests_for_a_fraction_of_the_last_calls_duration(gathering: Gathering):
    assert gathering.wait(5, 100.004) == NEXT_TURN
    assert gathering.wait(5, 100.005) == pytest.approx(0.002)
    assert gathering.wait(5, 100.0071) is None


def test_after_a_slow_call_the_wait_is_limited_to_a_round_trip():
    gathering = Gathering()
    gathering.call_ended(16, 2.0, 100.0)
    assert gathering.wait(5, 100.1) == NEXT_TURN
    assert gathering.wait(5, 100.101) == pytest.approx(0.049)
    assert gathering.wait(5, 100.151) is None


def test_an_endless_stream_of_requests_is_read_for_five_milliseconds(gathering: Gathering):
    waits = [gathering.wait(16 + turn, 100.001 + turn / 1000) for turn in range(7)]
    assert waits[:5] == [NEXT_TURN] * 5
    assert waits[6] is None


def test_a_request_long_after_the_last_call_does_not_wait(gathering: Gathering):
    assert gathering.wait(1, 100.0 + 3.1 * TOOK) is None
    assert gathering.wait(2, 100.0 + 3.1 * TOOK) is None


def test_each_call_waits_again(gathering: Gathering):
    assert gathering.wait(16, 100.001) == NEXT_TURN
    assert gathering.wait(16, 100.002) is None
    gathering.call_started()
    gathering.call_ended(16, TOOK, 100.012)
    assert gathering.wait(4, 100.013) == NEXT_TURN
