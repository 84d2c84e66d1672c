"""One outcome out of several verdicts."""

import pytest
from hypothesis import given, strategies as st

from storage.enums import Verdict
from storage.labelling.consensus import Outcome, consensus

A, B, TIE, BAD, SKIP = Verdict.A, Verdict.B, Verdict.TIE, Verdict.BOTH_BAD, Verdict.SKIP


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([], Outcome.NONE),
        ([A], Outcome.A),
        ([B], Outcome.B),
        ([A, B], Outcome.TIE),
        ([A, A, B], Outcome.A),
        ([TIE, TIE, B], Outcome.B),
        ([TIE], Outcome.TIE),
        ([TIE, BAD], Outcome.TIE),
        ([BAD], Outcome.NONE),
        ([SKIP, SKIP], Outcome.NONE),
        ([SKIP, BAD, A], Outcome.A),
    ],
)
def test_majority_of_the_decisive_verdicts_decides(
    verdicts: list[Verdict], outcome: Outcome
) -> None:
    assert consensus(verdicts) is outcome


@given(st.lists(st.sampled_from(Verdict)))
def test_order_does_not_matter_and_swapping_sides_swaps_the_outcome(
    verdicts: list[Verdict],
) -> None:
    assert consensus(verdicts) is consensus(verdicts[::-1])
    swapped = [{A: B, B: A}.get(verdict, verdict) for verdict in verdicts]
    expected = {Outcome.A: Outcome.B, Outcome.B: Outcome.A}
    outcome = consensus(verdicts)
    assert consensus(swapped) is expected.get(outcome, outcome)
