"""Reads judged pairs from the database in the order of their ids, however many, as a stream.

The verdicts are counted by the database and judged by `storage.labelling.consensus`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from storage.data.conversations import Message
from storage.enums import LabellerKind, PairOrigin, Split, Verdict
from storage.exporters.filters import VERDICTS, ExportFilter
from storage.labelling.consensus import Outcome, consensus
from storage.labelling.verdicts import decided
from storage.schema.tables import Completion, Labeller, Pair, Preference, Prompt

_AT_ONCE = 1000  # rows taken from the database at once
_COUNTED = (Verdict.A, Verdict.B, Verdict.TIE, Verdict.BOTH_BAD)


@dataclass(frozen=True, slots=True)
class GivenVerdict:
    """Who gave a verdict, and what was kept with it."""

    labeller: str
    labeller_kind: LabellerKind
    strength: float | None
    rationale: str | None
    seconds: float | None
    at: datetime


@dataclass(frozen=True, slots=True)
class JudgedPair:
    """A pair with its outcome: of all its verdicts, or of the one that is given."""

    pair_id: int
    messages: list[Message]
    text_a: str
    text_b: str
    split: Split
    source: str
    tags: list[str]
    origin: PairOrigin
    round: int
    model_a: str | None
    model_b: str | None
    outcome: Verdict
    """a, b, tie or both_bad."""
    agreement: float
    """Share of the pair's verdicts that say what the pair's outcome is."""
    score_a: float
    """Share of the verdicts for a; a tie counts half for either side."""
    score_b: float
    given: GivenVerdict | None
    """The verdict that this row stands for; None: the row stands for all of them."""

    @property
    def chosen(self) -> str:
        """The better answer; of a tie or two bad ones, the first."""
        return self.text_b if self.outcome is Verdict.B else self.text_a

    @property
    def rejected(self) -> str:
        """The other answer."""
        return self.text_a if self.outcome is Verdict.B else self.text_b


@dataclass(frozen=True)
class Shape:
    """Which judged pairs a format can hold."""

    undecided: bool
    """Whether ties and pairs of two bad answers are written too."""
    one_turn: bool
    """Whether prompts must be a single turn of the user."""


def read_pairs(session: Session, wanted: ExportFilter, shape: Shape) -> Iterator[JudgedPair]:
    """Yield what the filter takes and the format can hold, in the order of the pairs' ids.

    Pairs whose answers have the same text are left out. One transaction sees one state.
    """
    query = _pair_query(wanted, shape)
    for row in session.execute(query, execution_options={"yield_per": _AT_ONCE}):
        counts, pair, verdict = row[:4], row[4:15], row[15:]
        single = verdict[0] if verdict else None
        outcome, agreement = _outcome(*counts)
        if _is_taken(outcome, single, agreement, wanted, shape):
            given = GivenVerdict(*verdict[1:]) if verdict else None
            scores = _scores(counts, single)
            values: list[Any] = [*pair, single or outcome, agreement, *scores, given]
            yield JudgedPair(*values)


def count_pairs(session: Session, wanted: ExportFilter, shape: Shape) -> int:
    """Count what `read_pairs` yields, without reading it."""
    judged = _verdict_counts(wanted)
    columns: list[Any] = list(judged.c[1:])
    if wanted.rows == VERDICTS:
        columns.append(Preference.verdict)
    query = _taken(
        select(*columns, func.count()), judged, wanted, shape, with_prompts=False
    ).group_by(*columns)
    total = 0
    for row in session.execute(query):
        outcome, agreement = _outcome(*row[:4])
        single = row[4] if wanted.rows == VERDICTS else None
        if _is_taken(outcome, single, agreement, wanted, shape):
            total += row[-1]
    return total


def _pair_query(wanted: ExportFilter, shape: Shape) -> Select[Any]:
    judged = _verdict_counts(wanted)
    a, b = aliased(Completion), aliased(Completion)
    columns: list[Any] = [*judged.c[1:], Pair.id, Prompt.messages, a.text, b.text]
    columns += [Prompt.split, Prompt.source, Prompt.tags, Pair.origin, Pair.round, a.model, b.model]
    order: list[Any] = [judged.c.pair_id]
    if wanted.rows == VERDICTS:
        columns += [Preference.verdict, Labeller.name, Labeller.kind, Preference.strength]
        columns += [Preference.rationale, Preference.seconds, Preference.created_at]
        order.append(Preference.id)
    query = _taken(select(*columns), judged, wanted, shape, with_prompts=True)
    if wanted.rows == VERDICTS:
        query = query.join(Labeller, Labeller.id == Preference.labeller_id)
    return (
        query.join(a, a.id == Pair.completion_a).join(b, b.id == Pair.completion_b).order_by(*order)
    )


def _verdict_counts(wanted: ExportFilter) -> Subquery:
    """By pair, how many of the verdicts taken say a, b, tie and both bad."""
    counts = [func.count().filter(Preference.verdict == verdict) for verdict in _COUNTED]
    return (
        select(Preference.pair_id, *counts)
        .where(*_verdict_conditions(wanted))
        .group_by(Preference.pair_id)
        .subquery("judged")
    )


def _taken(
    query: Select[Any],
    judged: Subquery,
    wanted: ExportFilter,
    shape: Shape,
    *,
    with_prompts: bool,
) -> Select[Any]:
    """Join pairs and, for a row a verdict, preferences to the counts; and filter them.

    Prompts are joined where they are asked for, or something is asked of them.
    """
    of_prompt = _prompt_conditions(wanted)
    if shape.one_turn:
        of_prompt.append(func.json_array_length(Prompt.messages) == 1)
    query = (
        query.select_from(judged)
        .join(Pair, Pair.id == judged.c.pair_id)
        .where(*_pair_conditions(wanted), _has_two_texts())
    )
    if of_prompt or with_prompts:
        query = query.join(Prompt, Prompt.id == Pair.prompt_id).where(*of_prompt)
    if wanted.rows == VERDICTS:
        mine = (Preference.pair_id == judged.c.pair_id, *_verdict_conditions(wanted))
        query = query.join(Preference, and_(*mine))
    return query


def _verdict_conditions(wanted: ExportFilter) -> list[ColumnElement[bool]]:
    found = list(decided())
    by_labeller = [
        column.in_(values)
        for column, values in (
            (Labeller.kind, wanted.labeller_kinds),
            (Labeller.name, wanted.labellers),
        )
        if values
    ]
    if wanted.without_labellers:
        by_labeller.append(Labeller.name.not_in(wanted.without_labellers))
    if by_labeller:
        found.append(Preference.labeller_id.in_(select(Labeller.id).where(*by_labeller)))
    if wanted.first_moment is not None:
        found.append(Preference.created_at >= wanted.first_moment)
    if wanted.end is not None:
        found.append(Preference.created_at < wanted.end)
    return found


def _pair_conditions(wanted: ExportFilter) -> list[ColumnElement[bool]]:
    columns: list[tuple[Any, tuple[Any, ...]]]
    columns = [(Pair.round, wanted.rounds), (Pair.origin, wanted.origins)]
    return [column.in_(values) for column, values in columns if values]


def _prompt_conditions(wanted: ExportFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.sources:
        found.append(Prompt.source.in_(wanted.sources))
    if wanted.split is not None:
        found.append(Prompt.split == Split(wanted.split))
    if wanted.tags:
        each = func.json_each(Prompt.tags).table_valued("value")
        found.append(exists(select(each.c.value).where(each.c.value.in_(wanted.tags))))
    return found


def _has_two_texts() -> ColumnElement[bool]:
    """Imported answers always differ, so their texts need not be looked up."""
    texts = [
        select(Completion.text).where(Completion.id == side).scalar_subquery()
        for side in (Pair.completion_a, Pair.completion_b)
    ]
    imported = literal(PairOrigin.IMPORTED, Pair.origin.type, literal_execute=True)
    return or_(Pair.origin == imported, texts[0] != texts[1])


@lru_cache(maxsize=4096)
def _outcome(num_a: int, num_b: int, num_ties: int, num_both_bad: int) -> tuple[Verdict, float]:
    """Return what the verdicts on a pair say together, and the share of them that say so."""
    numbers = dict(zip(_COUNTED, (num_a, num_b, num_ties, num_both_bad), strict=True))
    together = consensus([verdict for verdict in _COUNTED for _ in range(numbers[verdict])])
    outcome = Verdict.BOTH_BAD if together is Outcome.NONE else Verdict(together.value)
    return outcome, numbers[outcome] / sum(numbers.values())


def _is_taken(
    outcome: Verdict,
    single: Verdict | None,
    agreement: float,
    wanted: ExportFilter,
    shape: Shape,
) -> bool:
    is_decided = (single or outcome) in (Verdict.A, Verdict.B)
    return agreement >= wanted.min_agreement and (is_decided or shape.undecided)


def _scores(counts: Sequence[int], single: Verdict | None) -> tuple[float, float]:
    """Return the shares of verdicts for a and for b; a tie counts half for either."""
    num_a, num_b, num_ties, num_both_bad = (
        [int(single is verdict) for verdict in _COUNTED] if single else counts
    )
    total = num_a + num_b + num_ties + num_both_bad
    return (num_a + num_ties / 2) / total, (num_b + num_ties / 2) / total
