"""Numbers about what is stored: how long texts are, what verdicts say, where prompts come from.

Lengths are of a sample where there is much; all else is counted.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from storage.enums import Verdict
from storage.labelling.verdicts import active
from storage.schema.tables import Completion, Pair, Preference, Prompt
from storage.search import tallies

SAMPLE = 10_000
"""Rows that are measured at most."""
MAX_SOURCES = 20
_Value = TypeVar("_Value")
_SEED = 1  # the same rows at every look


@dataclass(frozen=True)
class Lengths:
    """How long texts of one kind are, in characters."""

    median: int
    p95: int
    longest: int


@dataclass(frozen=True)
class DataNumbers:
    """The statistics of all that is stored."""

    prompts: Lengths | None
    """Last turns; None: there are none."""
    chosen: Lengths | None
    """Answers that a verdict chose; None: no verdict chooses one."""
    rejected: Lengths | None
    share_longer: float | None
    """Share of the verdicts whose chosen answer is the longer one, 0 to 1."""
    is_sample: bool
    """Lengths are of at most SAMPLE rows each."""
    verdicts: dict[Verdict, int]
    """Verdicts that count."""
    sources: list[tuple[str, int]]
    """Where prompts come from and how many, the most first; at most MAX_SOURCES."""
    rounds: dict[int, int]
    """Pairs by round."""


def data_numbers(session: Session) -> DataNumbers:
    """Measure and count; at a million pairs a second, or many while the disk is cold."""
    prompts, all_prompts = _sampled(session, Prompt.id, select(func.length(Prompt.text)))
    chosen, all_verdicts = _sampled(session, Preference.id, _answer_lengths())
    return DataNumbers(
        prompts=_lengths([row[0] for row in prompts]),
        chosen=_lengths([row[0] for row in chosen]),
        rejected=_lengths([row[1] for row in chosen]),
        share_longer=sum(a > b for a, b in chosen) / len(chosen) if chosen else None,
        is_sample=not (all_prompts and all_verdicts),
        verdicts=tallies.active_verdicts(session),
        sources=_numbers(session, Prompt.source, most=MAX_SOURCES),
        rounds=dict(sorted(_numbers(session, Pair.round))),
    )


def _sampled(
    session: Session, column: InstrumentedAttribute[int], query: Select[int] | Select[int, int]
) -> tuple[Sequence[tuple[int, ...]], bool]:
    """Return what the query gives of at most SAMPLE ids, and whether these are all."""
    smallest = session.scalar(select(func.min(column)))
    largest = session.scalar(select(func.max(column)))
    if smallest is None or largest is None:
        return [], True
    ids = range(smallest, largest + 1)
    if len(ids) <= SAMPLE:
        return session.execute(query).all(), True
    drawn = random.Random(_SEED).sample(ids, SAMPLE)  # noqa: S311
    return session.execute(query.where(column.in_(drawn))).all(), False


def _answer_lengths() -> Select[int, int]:
    """The lengths of (chosen, rejected) by every verdict that decides."""
    a, b = aliased(Completion), aliased(Completion)
    is_a = Preference.verdict == Verdict.A
    lengths: list[ColumnElement[int]] = [func.length(a.text), func.length(b.text)]
    return (
        select(
            case((is_a, lengths[0]), else_=lengths[1]), case((is_a, lengths[1]), else_=lengths[0])
        )
        .select_from(Preference)
        .join(Pair, Pair.id == Preference.pair_id)
        .join(a, a.id == Pair.completion_a)
        .join(b, b.id == Pair.completion_b)
        .where(*active(), Preference.verdict.in_((Verdict.A, Verdict.B)))
    )


def _lengths(values: list[int]) -> Lengths | None:
    if not values:
        return None
    ordered = sorted(values)
    return Lengths(
        median=ordered[(len(ordered) - 1) // 2],
        p95=ordered[(len(ordered) - 1) * 95 // 100],
        longest=ordered[-1],
    )


def _numbers(
    session: Session, column: InstrumentedAttribute[_Value], *, most: int = 1000
) -> list[tuple[_Value, int]]:
    query = select(column, func.count()).group_by(column).order_by(func.count().desc()).limit(most)
    return [(value, number) for value, number in session.execute(query)]
