"""Votes on base against tuned answers, counted by adapter.

A comparison is a pair whose completion a is the base's answer and whose b is the tuned one's.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.enums import PairOrigin, Verdict
from storage.tables import Pair, Preference
from storage.verdicts import decided


@dataclass(frozen=True)
class ComparisonCounts:
    """How the active votes on one adapter fell."""

    num_tuned: int
    num_base: int
    num_ties: int
    num_both_bad: int


def comparison_counts(session: Session, adapter_id: int) -> ComparisonCounts:
    """Count the active votes on an adapter's comparisons; skips are left out."""
    query = (
        select(Preference.verdict, func.count())
        .join(Pair, Pair.id == Preference.pair_id)
        .where(Pair.origin == PairOrigin.COMPARISON, Pair.adapter_id == adapter_id, *decided())
        .group_by(Preference.verdict)
    )
    numbers = {verdict: number for verdict, number in session.execute(query)}
    return ComparisonCounts(
        num_tuned=numbers.get(Verdict.B, 0),
        num_base=numbers.get(Verdict.A, 0),
        num_ties=numbers.get(Verdict.TIE, 0),
        num_both_bad=numbers.get(Verdict.BOTH_BAD, 0),
    )
