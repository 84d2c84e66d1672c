"""Counts over verdicts: by verdict, side and labeller, and how far labellers agree."""

import math
import statistics
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from storage.enums import LabellerKind, Verdict
from storage.labelling.verdicts import active, decided, is_comparison
from storage.schema.tables import Labeller, Pair, Preference, VerdictTally


@dataclass(frozen=True)
class LabellerCounts:
    """One labeller's active verdicts."""

    name: str
    kind: LabellerKind
    num_verdicts: int
    median_seconds: float | None
    """Median time that a verdict took, where it was measured."""


@dataclass(frozen=True)
class VerdictCounts:
    """The active verdicts of all labellers."""

    verdicts: dict[Verdict, int]
    num_left: int
    """Decisive verdicts given on a screen that chose the left answer."""
    num_decisive: int
    """Decisive verdicts given on a screen."""
    labellers: list[LabellerCounts]


def verdict_counts(session: Session) -> VerdictCounts:
    """Count all active verdicts, comparisons included, out of what is tallied."""
    query = (
        select(
            Labeller.id,
            Labeller.name,
            Labeller.kind,
            VerdictTally.verdict,
            VerdictTally.left,
            VerdictTally.number,
        )
        .join(VerdictTally, VerdictTally.labeller_id == Labeller.id)
        .where(VerdictTally.number > 0)
    )
    verdicts: Counter[Verdict] = Counter()
    sides: Counter[bool] = Counter()
    numbers: Counter[tuple[int, str, LabellerKind]] = Counter()
    for labeller_id, name, kind, verdict, left, number in session.execute(query):
        verdicts[verdict] += number
        numbers[labeller_id, name, kind] += number
        if left and verdict in (Verdict.A, Verdict.B):
            sides[verdict.value == left] += number
    seconds = _seconds(session)
    return VerdictCounts(
        verdicts=dict(verdicts),
        num_left=sides[True],
        num_decisive=sides.total(),
        labellers=[
            LabellerCounts(name, kind, number, _median(seconds.get(labeller_id, [])))
            for (labeller_id, name, kind), number in numbers.most_common()
        ],
    )


def _seconds(session: Session) -> dict[int, list[float]]:
    """The times that verdicts took, by labeller; imported verdicts have none."""
    query = select(Preference.labeller_id, Preference.seconds)
    measured = Preference.seconds.is_not(None)
    found: dict[int, list[float]] = {}
    for labeller_id, taken in session.execute(query.where(*active(), measured)):
        found.setdefault(labeller_id, []).append(taken or 0.0)
    return found


@dataclass(frozen=True)
class Agreement:
    """How far labellers who judged the same training pairs agree on the better answer."""

    num_pairs: int
    """Pairs that two or more labellers judged decisively."""
    num_compared: int
    """Decisive verdicts on these pairs, counted two by two."""
    num_disagreeing: int
    """Those of `num_compared` whose two labellers chose different answers."""


def agreement(session: Session) -> Agreement:
    """Compare the active decisive verdicts of different labellers, pair by pair.

    Comparisons of models are left out: nobody trains on them.
    """
    num_a, num_b = (
        func.count().filter(
            Preference.verdict == literal(side, Preference.verdict.type, literal_execute=True)
        )
        for side in (Verdict.A, Verdict.B)
    )
    query = (
        select(num_a, num_b)
        .join(Pair, Pair.id == Preference.pair_id)
        .where(*decided(), ~is_comparison())
        .group_by(Preference.pair_id)
        .having(func.count() > 1)
    )
    judged = [(a, b) for a, b in session.execute(query) if a + b > 1]
    return Agreement(
        num_pairs=len(judged),
        num_compared=sum(math.comb(a + b, 2) for a, b in judged),
        num_disagreeing=sum(a * b for a, b in judged),
    )


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
