"""Counts over verdicts, grouped: by verdict, by side, by labeller."""

import statistics
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.enums import LabellerKind, Side, Verdict
from storage.tables import Labeller, Preference
from storage.verdicts import active


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
    """Count all active verdicts, comparisons included, with one query."""
    query = (
        select(
            Labeller.id,
            Labeller.name,
            Labeller.kind,
            Preference.verdict,
            Preference.left,
            Preference.seconds,
        )
        .join(Preference, Preference.labeller_id == Labeller.id)
        .where(*active())
    )
    verdicts: Counter[Verdict] = Counter()
    sides: Counter[bool] = Counter()
    numbers: Counter[tuple[int, str, LabellerKind]] = Counter()
    seconds: dict[int, list[float]] = {}
    for labeller_id, name, kind, verdict, left, taken in session.execute(query):
        verdicts[verdict] += 1
        numbers[labeller_id, name, kind] += 1
        if left is not None and verdict in (Verdict.A, Verdict.B):
            sides[Side(verdict.value) is left] += 1
        if taken is not None:
            seconds.setdefault(labeller_id, []).append(taken)
    return VerdictCounts(
        verdicts=dict(verdicts),
        num_left=sides[True],
        num_decisive=sides.total(),
        labellers=[
            LabellerCounts(name, kind, number, _median(seconds.get(labeller_id, [])))
            for (labeller_id, name, kind), number in numbers.most_common()
        ],
    )


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None
