"""Turns the verdicts on a pair into one outcome."""

from collections.abc import Sequence
from enum import StrEnum

from storage.enums import Verdict


class Outcome(StrEnum):
    """What all verdicts on a pair say together."""

    A = "a"
    B = "b"
    TIE = "tie"
    NONE = "none"


def consensus(verdicts: Sequence[Verdict]) -> Outcome:
    """Return the majority of the decisive verdicts.

    As many for a as for b is a tie, and so are ties alone; both-bad and skips say nothing on
    which answer is better. Only the outcomes a and b can train.
    """
    num_a, num_b = verdicts.count(Verdict.A), verdicts.count(Verdict.B)
    if num_a != num_b:
        return Outcome.A if num_a > num_b else Outcome.B
    if num_a or Verdict.TIE in verdicts:
        return Outcome.TIE
    return Outcome.NONE
