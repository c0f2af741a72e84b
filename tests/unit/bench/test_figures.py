import pytest

from bench.figures import Spread, format_spread, paired_ratio, short


def test_ratios_are_taken_round_by_round():
    # In the second round a neighbour slowed both down by half: the ratio does not move.
    assert paired_ratio([1000.0, 1500.0, 1000.0], [100.0, 150.0, 100.0]) == Spread(10.0, 10.0, 10.0)


def test_the_ratio_of_medians_is_not_the_median_of_ratios():
    assert paired_ratio([100.0, 200.0, 900.0], [100.0, 100.0, 300.0]).median == 2.0


def test_rounds_that_do_not_pair_are_refused():
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])


def test_a_spread_has_the_median_and_both_ends():
    assert Spread.of([5.0, 1.0, 3.0, 2.0]) == Spread(2.5, 1.0, 5.0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.123, "0.12"), (9.99, "9.99"), (25.34, "25.3"), (163.6, "164"), (12345.6, "12 346")],
)
def test_figures_are_rounded_to_their_precision(value, shown):
    assert short(value) == shown


def test_a_spread_is_printed_with_both_ends():
    assert format_spread(Spread(7.25, 6.5, 8.0)) == "7.25 (6.50–8.00)"


def test_a_single_value_is_printed_without_a_range():
    assert format_spread(Spread.of([7.25])) == "7.25"
