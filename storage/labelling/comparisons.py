"""Comparisons of base and tuned answers: the pairs, the votes on them, and their counts.

A comparison is a pair whose completion a is the base's answer and whose b is the tuned one's. It
is never in the labelling queue: only the person who asked for it votes, on the sides they saw.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.data.pairs import NewCompletion, add_pair
from storage.enums import PairOrigin, Side, Verdict
from storage.errors import StaleError
from storage.labelling.queue import Submission, record_choice
from storage.labelling.verdicts import decided, is_comparison
from storage.schema.tables import Pair, Preference


@dataclass(frozen=True)
class NewComparison:
    """Two finished answers to one prompt, as one person sees them."""

    prompt_id: int
    base: NewCompletion
    tuned: NewCompletion
    adapter_id: int
    asked_by: int
    """Labeller who asked for it, and who alone may vote."""
    shown_left: Side
    round: int


@dataclass(frozen=True)
class ComparisonCounts:
    """How the active votes on one adapter fell."""

    num_tuned: int
    num_base: int
    num_ties: int
    num_both_bad: int


def add_comparison(session: Session, new: NewComparison) -> Pair:
    """Store the two answers as a pair that waits for its asker's vote.

    Raises:
        NotFoundError: there is no such prompt.
        InputError: a text cannot be stored.
    """
    pair = add_pair(
        session,
        new.prompt_id,
        new.base,
        new.tuned,
        origin=PairOrigin.COMPARISON,
        round=new.round,
        adapter_id=new.adapter_id,
    )
    pair.asked_by = new.asked_by
    pair.shown_left = new.shown_left
    session.flush()
    return pair


def asked_comparison(session: Session, pair_id: int, labeller_id: int) -> Pair:
    """Return a comparison that this labeller asked for.

    Raises:
        StaleError: there is none with this number; nothing is written.
    """
    pair = session.get(Pair, pair_id)
    if pair is None or pair.origin is not PairOrigin.COMPARISON or pair.asked_by != labeller_id:
        raise StaleError(
            f"Comparison {pair_id} is not one that you asked for. Nothing was stored; "
            "send a prompt and vote on its answers."
        )
    return pair


def vote(session: Session, labeller_id: int, submission: Submission, *, now: datetime) -> Pair:
    """Store a vote on a comparison and return its pair; a second vote supersedes the first.

    Raises:
        StaleError: this labeller did not ask for this comparison; nothing is written.
        InputError: the choice is unknown, or a field cannot be stored.
    """
    pair = asked_comparison(session, submission.pair_id, labeller_id)
    record_choice(session, labeller_id, submission, pair.shown_left or Side.A, now=now)
    return pair


def comparison_counts(session: Session, adapter_id: int) -> ComparisonCounts:
    """Count the active votes on an adapter's comparisons; skips are left out."""
    query = (
        select(Preference.verdict, func.count())
        .join(Pair, Pair.id == Preference.pair_id)
        .where(is_comparison(), Pair.adapter_id == adapter_id, *decided())
        .group_by(Preference.verdict)
    )
    numbers = {verdict: number for verdict, number in session.execute(query)}
    return ComparisonCounts(
        num_tuned=numbers.get(Verdict.B, 0),
        num_base=numbers.get(Verdict.A, 0),
        num_ties=numbers.get(Verdict.TIE, 0),
        num_both_bad=numbers.get(Verdict.BOTH_BAD, 0),
    )
