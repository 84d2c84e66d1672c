"""Wilson's interval against values worked out by hand."""

import pytest

from trainer.evaluation.win_rate import wilson_interval


def test_nine_of_fourteen_votes() -> None:
    # p = 0.642857, z² = 3.8416: centre 0.642857 + 0.1372 = 0.780057, scale 1.2744,
    # half 1.96 * sqrt(0.016399 + 0.0049) = 0.286046; (0.494011, 1.066103) / 1.2744.
    assert wilson_interval(9, 14) == pytest.approx((0.38764, 0.83656), abs=1e-4)


def test_no_votes_say_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_interval_stays_between_nothing_and_all() -> None:
    low, high = wilson_interval(3, 3)
    assert 0 < low < high <= 1
    low, high = wilson_interval(0, 3)
    assert 0 <= low < high < 1


def test_ties_count_half() -> None:
    low, high = wilson_interval(0.5, 1)
    assert low == pytest.approx(1 - high)


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        wilson_interval(4, 3)
