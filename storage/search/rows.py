"""Pairs and verdicts as lists show them: the starts of their texts, and what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from storage.enums import PairOrigin, Split, Verdict
from storage.labelling.history import VerdictRow, verdict_rows
from storage.labelling.verdicts import active
from storage.schema.tables import Claim, Completion, Pair, Preference, Prompt

EXCERPT = 300
"""How many characters of a text a list has at most."""


@dataclass(frozen=True)
class PairRow:
    """A pair as a list shows it."""

    id: int
    prompt_id: int
    prompt: str
    """The start of the prompt's last turn."""
    a: str
    """The start of answer A."""
    b: str
    source: str
    tags: tuple[str, ...]
    split: Split
    origin: PairOrigin
    round: int
    verdicts: Mapping[Verdict, int]
    """How many verdicts that count say what; nothing of those withdrawn or replaced."""
    is_open: bool
    """Whether it waits for a verdict."""


@dataclass(frozen=True)
class JudgedRow:
    """A verdict with what it is about."""

    verdict: VerdictRow
    prompt: str
    """The start of the prompt's last turn."""


def pair_rows(session: Session, pair_ids: Sequence[int]) -> list[PairRow]:
    """Return the pairs that exist among `pair_ids`, the newest first."""
    a, b = aliased(Completion), aliased(Completion)
    texts = [func.substr(column, 1, EXCERPT) for column in (Prompt.text, a.text, b.text)]
    query = (
        select(Pair, Prompt.source, Prompt.tags, Prompt.split, *texts)
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .join(a, a.id == Pair.completion_a)
        .join(b, b.id == Pair.completion_b)
        .where(Pair.id.in_(pair_ids))
        .order_by(Pair.id.desc())
    )
    verdicts, open_pairs = _verdicts(session, pair_ids), _open(session, pair_ids)
    return [
        PairRow(
            id=pair.id,
            prompt_id=pair.prompt_id,
            prompt=prompt,
            a=text_a,
            b=text_b,
            source=source,
            tags=tuple(tags),
            split=split,
            origin=pair.origin,
            round=pair.round,
            verdicts=verdicts.get(pair.id, {}),
            is_open=pair.id in open_pairs,
        )
        for pair, source, tags, split, prompt, text_a, text_b in session.execute(query)
    ]


def judged_rows(session: Session, preference_ids: Sequence[int]) -> list[JudgedRow]:
    """Return the verdicts that exist among `preference_ids`, the newest first."""
    rows = verdict_rows(session, preference_ids)
    query = (
        select(Pair.id, func.substr(Prompt.text, 1, EXCERPT))
        .join(Prompt, Prompt.id == Pair.prompt_id)
        .where(Pair.id.in_({row.pair_id for row in rows}))
    )
    prompts = {pair_id: text for pair_id, text in session.execute(query)}
    return [JudgedRow(row, prompts[row.pair_id]) for row in rows]


def pairs_of_prompt(session: Session, prompt_id: int, *, limit: int) -> list[int]:
    """Return ids of a prompt's pairs, the newest first."""
    query = select(Pair.id).where(Pair.prompt_id == prompt_id).order_by(Pair.id.desc())
    return list(session.scalars(query.limit(limit)))


def _verdicts(session: Session, pair_ids: Sequence[int]) -> dict[int, dict[Verdict, int]]:
    query = (
        select(Preference.pair_id, Preference.verdict, func.count())
        .where(Preference.pair_id.in_(pair_ids), *active())
        .group_by(Preference.pair_id, Preference.verdict)
    )
    found: dict[int, dict[Verdict, int]] = {}
    for pair_id, verdict, number in session.execute(query):
        found.setdefault(pair_id, {})[verdict] = number
    return found


def _open(session: Session, pair_ids: Sequence[int]) -> set[int]:
    query = select(Claim.pair_id).where(Claim.pair_id.in_(pair_ids), Claim.preference_id.is_(None))
    return set(session.scalars(query))
