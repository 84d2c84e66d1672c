"""Win rates, and Wilson's interval against values worked out by hand."""

import pytest

from trainer.evaluation.win_rate import WinRate, wilson_interval, win_rate


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


def _rate(tuned: int, base: int, ties: int = 0, both_bad: int = 0) -> WinRate:
    return win_rate(num_tuned=tuned, num_base=base, num_ties=ties, num_both_bad=both_bad)


def test_a_tie_counts_half_for_each_side() -> None:
    # (8 + 2 / 2) of 14 is the share of 9 of 14, and so is its interval.
    with_ties, without = _rate(8, 4, ties=2), _rate(9, 5)
    assert with_ties.share == without.share == 9 / 14
    assert (with_ties.low, with_ties.high) == (without.low, without.high) == wilson_interval(9, 14)


def test_votes_for_both_bad_are_left_out_and_counted_apart() -> None:
    assert _rate(9, 5, both_bad=7).share == 9 / 14
    assert _rate(9, 5, both_bad=7).num_both_bad == 7
    assert _rate(0, 0, both_bad=7).share is None


def test_swapping_the_sides_swaps_the_result() -> None:
    one, other = _rate(8, 4, ties=3), _rate(4, 8, ties=3)
    assert one.share == pytest.approx(1 - (other.share or 0))
    assert (one.low, one.high) == pytest.approx((1 - (other.high or 0), 1 - (other.low or 0)))


@pytest.mark.parametrize(
    ("rate", "sentence"),
    [
        (_rate(9, 5), "Tuned preferred in 9 of 14 votes (64 %, 39–84 %)"),
        (
            _rate(8, 4, ties=2, both_bad=1),
            "Tuned preferred in 8 of 14 votes, 2 ties counted half (64 %, 39–84 %), "
            "1 both bad left out",
        ),
        (_rate(0, 0, ties=1), "Tuned preferred in 0 of 1 vote, 1 tie counted half (50 %, 5–95 %)"),
        (_rate(0, 0), "No votes on this adapter yet."),
        (_rate(0, 0, both_bad=3), "No votes on this adapter yet, 3 both bad left out."),
    ],
    ids=["decided", "all kinds", "a tie", "none", "both bad alone"],
)
def test_the_sentence_says_what_went_into_the_share(rate: WinRate, sentence: str) -> None:
    assert rate.sentence == sentence


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be"):
        wilson_interval(4, 3)
